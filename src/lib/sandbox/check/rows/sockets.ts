import { connect } from "node:net";
import { basename, dirname } from "node:path";
import { inDirectory, systemCalls } from "../inside-tools.ts";
import { all, always, closedNetwork, filtered } from "../promises.ts";
import { type Attempt, type Inside, NO_ANSWER, type Outside, type Row, reasonOf } from "../row.ts";
import type { Steps } from "../steps.ts";
import { AF_UNIX, SOCK_DGRAM, unixAddress } from "../unix-address.ts";

const concern = "sockets";
/** Longer than any answer on one machine takes. */
const CONNECT_TIMEOUT_MS = 2_000;

export const received = ({ inside, received: messages }: Outside) => messages.has(inside.id);

function socketRow(
  id: keyof Inside["sockets"],
  tried: string,
  guard: Row["guard"],
  promised: Row["promised"] = filtered,
): Row {
  return {
    id: `socket-${id}`,
    concern,
    tried,
    guard,
    promised,
    attempt: (inside) => connectTo(inside.sockets[id], inside.id),
    cameThrough: received,
    control: "shared",
  };
}

export const SOCKETS: readonly Row[] = [
  socketRow("docker", "connecting to a Unix socket in plain sight (a stand-in for docker.sock)", {
    seccomp: ["sockets"],
  }),
  socketRow("bus", "connecting to the D-Bus of DBUS_SESSION_BUS_ADDRESS", { seccomp: ["sockets"] }),
  socketRow("daemon", "connecting to pictl's own daemon", { seccomp: ["sockets"], mounts: ["deny"] }, always),
  socketRow(
    "abstract",
    "connecting to an abstract Unix socket",
    { seccomp: ["sockets"], bubblewrap: ["net"] },
    (facts) => (closedNetwork(facts) === true ? true : filtered(facts)),
  ),
  {
    id: "socket-datagram",
    concern,
    tried: "sending to a Unix socket from one of a pair, for which no socket has to be opened",
    guard: { seccomp: ["sockets"] },
    promised: filtered,
    attempt: ({ datagrams, id }) =>
      inDirectory(dirname(datagrams), async () =>
        systemCalls("socketpair", [sendFromPair(basename(datagrams), id)]),
      ),
    cameThrough: received,
    control: "shared",
    machineMayRefuse: "programs can't be run from the state directory",
  },
  familyRow("socket-vsock", "a socket to the hypervisor (vsock)", [40, 1, 0]),
  familyRow("socket-netlink", "a netlink socket to the kernel's audit and device events", [16, 3, 15]),
  familyRow("socket-alg", "a socket to the kernel's ciphers (AF_ALG)", [38, 5, 0]),
  {
    id: "socket-raw",
    concern,
    tried: "raw sockets: IP and Ethernet",
    guard: { seccomp: ["sockets"], bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    promised: all(always),
    attempt: () =>
      systemCalls("socket", [
        [{ call: "socket", args: [2, 3, 1] }],
        [{ call: "socket", args: [17, 3, 0x0300] }],
      ]),
    control: "own",
  },
];

function familyRow(id: string, tried: string, args: readonly number[]): Row {
  return {
    id,
    concern,
    tried: `opening ${tried}`,
    guard: { seccomp: ["sockets"] },
    promised: filtered,
    attempt: () => systemCalls("socket", [[{ call: "socket", args }]]),
    control: "own",
    machineMayRefuse: "this kernel has no such sockets",
  };
}

/**
 * Sends to a socket from one of a pair: Node makes no such pairs. The first of both gets the lowest free descriptor, as the
 * copy before it did.
 *
 * @param name of the socket in the current directory
 */
export function sendFromPair(name: string, message: string): Steps {
  const address = unixAddress(name);
  const data = Buffer.from(message);
  return [
    { call: "dup", args: [0] },
    { call: "close", args: [{ resultOf: 0 }] },
    { call: "socketpair", args: [AF_UNIX, SOCK_DGRAM, 0, Buffer.alloc(8)] },
    { call: "sendto", args: [{ resultOf: 0 }, data, data.length, 0, address, address.length] },
  ];
}

/** Says its row's name to a socket by path, or an abstract one, which begins with NUL. */
function connectTo(path: string, message: string): Promise<Attempt> {
  const open = (name: string) =>
    new Promise<Attempt>((resolve) => {
      const socket = connect({ path: name });
      const end = (attempt: Attempt) => {
        socket.destroy();
        resolve(attempt);
      };
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => end(NO_ANSWER));
      socket.on("error", (error) => end({ through: false, seen: reasonOf(error) }));
      socket.on("connect", () => socket.write(`${message}\n`));
      socket.on("data", (data) => end({ through: true, seen: `answered ${data.toString().trim()}` }));
    });
  if (path.startsWith("\0")) return open(path);
  // The name of a socket may have some hundred bytes, a path more.
  return inDirectory(dirname(path), () => open(basename(path)));
}
