import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect } from "node:net";
import { closedNetwork } from "../promises.ts";
import { type Attempt, type Facts, type Inside, NO_ANSWER, type Row, reasonOf } from "../row.ts";
import { received } from "./sockets.ts";

const concern = "network";
/** Longer than any answer on one machine takes. */
const ANSWER_TIMEOUT_MS = 2_000;

/** Where clouds give credentials to whoever asks. */
const METADATA = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200"] as const;

function tcpRow(
  id: string,
  tried: string,
  target: (inside: Inside) => { host: string; port: number },
  promised: (facts: Facts) => true | string = closedNetwork,
): Row {
  return {
    id,
    concern,
    tried,
    guard: { bubblewrap: ["net"] },
    promised,
    attempt: (inside) => sayByTcp({ ...target(inside), message: inside.id }),
    cameThrough: received,
    control: "shared",
  };
}

const needs =
  (what: (facts: Facts) => boolean, otherwise: string) =>
  (facts: Facts): true | string =>
    what(facts) ? closedNetwork(facts) : otherwise;

export const NETWORK: readonly Row[] = [
  tcpRow("net-loopback", "connecting to a server on the host's 127.0.0.1", ({ ports }) => ({
    host: "127.0.0.1",
    port: ports.tcp,
  })),
  tcpRow(
    "net-ipv4",
    "connecting to the host by its own IPv4 address",
    ({ ports }) => ({ host: ports.tcpAddress ?? "", port: ports.tcp }),
    needs(({ inside }) => inside.ports.tcpAddress !== undefined, "this machine has no other address"),
  ),
  tcpRow(
    "net-ipv6",
    "connecting to a server on the host's ::1",
    ({ ports }) => ({ host: "::1", port: ports.tcp6 ?? 0 }),
    needs(({ inside }) => inside.ports.tcp6 !== undefined, "this machine has no IPv6"),
  ),
  {
    id: "net-udp",
    concern,
    tried: "sending a datagram to the host",
    guard: { bubblewrap: ["net"] },
    promised: closedNetwork,
    attempt: sayByUdp,
    cameThrough: received,
    control: "shared",
  },
  {
    id: "net-dns",
    concern,
    tried: "asking a name server on the host, as data leaves by names",
    guard: { bubblewrap: ["net"] },
    promised: closedNetwork,
    attempt: async ({ id, ports }) => {
      const resolver = new Resolver({ timeout: ANSWER_TIMEOUT_MS, tries: 1 });
      resolver.setServers([`127.0.0.1:${ports.udp}`]);
      try {
        return { through: true, seen: `answered ${await resolver.resolve4(`${id}.pictl.test`)}` };
      } catch (error) {
        const seen = reasonOf(error);
        return seen === "ETIMEOUT" ? NO_ANSWER : { through: false, seen };
      }
    },
    cameThrough: received,
    control: "shared",
  },
  {
    id: "net-metadata",
    concern,
    tried: `connecting to metadata services (${METADATA.join(", ")})`,
    guard: { bubblewrap: ["net"] },
    promised: closedNetwork,
    attempt: async ({ id }) => {
      const attempts = await Promise.all(
        METADATA.map((host) => sayByTcp({ host, port: 80, message: `GET /${id} HTTP/1.0\r\n\r` })),
      );
      const through = attempts.find((one) => one.through || one.late);
      const seen = [...new Set(attempts.map((one) => one.seen))].join(", ");
      // Packets that went somewhere, if only to get lost, have left.
      return { through: through !== undefined, seen };
    },
    control: ({ id }) => ownServer(id),
  },
];

/** Connects, says a line and waits for an answer. */
export function sayByTcp(target: { host: string; port: number; message: string }): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port });
    const end = (attempt: Attempt) => {
      socket.destroy();
      resolve(attempt);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(NO_ANSWER));
    socket.on("error", (error) => end({ through: false, seen: reasonOf(error) }));
    socket.on("connect", () => socket.write(`${target.message}\n`));
    socket.on("data", (data) => end({ through: true, seen: `answered ${firstLine(data)}` }));
  });
}

/** The same towards a server of the sandbox's own. */
async function ownServer(id: string): Promise<Attempt> {
  const { createServer } = await import("node:net");
  const server = createServer((socket) => void socket.end("welcome\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    return await sayByTcp({ host: "127.0.0.1", port, message: id });
  } finally {
    server.close();
  }
}

function sayByUdp({ id, ports }: Inside): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const end = (attempt: Attempt) => {
      clearTimeout(timer);
      socket.close();
      resolve(attempt);
    };
    const timer = setTimeout(() => end(NO_ANSWER), ANSWER_TIMEOUT_MS);
    socket.on("error", (error) => end({ through: false, seen: reasonOf(error) }));
    socket.on("message", (data) => end({ through: true, seen: `answered ${firstLine(data)}` }));
    socket.connect(ports.udp, "127.0.0.1", () => socket.send(`${id}\n`));
  });
}

function firstLine(data: Buffer): string {
  return data.toString("latin1").split(/[\r\n]/)[0] ?? "";
}
