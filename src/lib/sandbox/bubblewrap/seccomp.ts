import {
  FIRST_SHARED_NUMBER,
  LAST_OWN_NUMBER,
  MODE_CALLS,
  type ModeCall,
  REFUSED,
  SHARED_CALLS,
} from "./system-calls.ts";

interface Architecture {
  /** AUDIT_ARCH_*: a program of another word size has other numbers, and would slip through. */
  audit: number;
  socket: number;
  socketpair: number;
  ioctl: number;
  clone: number;
  /** Numbers from here on are another set of calls (x32) for the same kernel. */
  otherCallsFrom?: number;
}

const ARCHITECTURES: Readonly<Record<"x64" | "arm64", Architecture>> = {
  x64: { audit: 0xc000003e, socket: 41, socketpair: 53, ioctl: 16, clone: 56, otherCallsFrom: 0x4000_0000 },
  arm64: { audit: 0xc00000b7, socket: 198, socketpair: 199, ioctl: 29, clone: 220 },
};

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** How libc lists network interfaces (`os.networkInterfaces()`); its other protocols reach the kernel's own services. */
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
/** The kinds of sockets that stay connected to each other as a pair; the bits above them are flags. */
const SOCKET_KIND = 0xf;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
/** Both put characters into a terminal's input, where the shell outside would read them. */
const TERMINAL_INJECTIONS = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (NEWTIME is for unshare and clone3 only). */
const NEW_NAMESPACES = 0x7e02_0000;
/** O_CREAT and the bit that makes O_TMPFILE what it is: `open` has a mode only with one of them. */
const MAKES_A_FILE = 0o20000100;
/** S_ISUID and S_ISGID. */
const SET_ID_BITS = 0o6000;

/** Offsets in struct seccomp_data (linux/seccomp.h); arguments are 64 bits, the low half first on both architectures. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const ARGUMENT = (index: number) => 16 + 8 * index;

type Instruction = [code: number, jumpTrue: number, jumpFalse: number, value: number];
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const ifEqual = (value: number, then: number, otherwise: number): Instruction => [
  0x15,
  then,
  otherwise,
  value,
];
const ifAtLeast = (value: number, then: number, otherwise: number): Instruction => [
  0x35,
  then,
  otherwise,
  value,
];
const mask = (bits: number): Instruction => [0x54, 0, 0, bits];
const ifAnyBit = (value: number, then: number, otherwise: number): Instruction => [
  0x45,
  then,
  otherwise,
  value,
];
const allow: Instruction = [0x06, 0, 0, 0x7fff_0000];
const refuse = (errno: number): Instruction => [0x06, 0, 0, 0x0005_0000 | errno];

/** Names of what can be taken out of the filter, to show that something notices. */
export type SeccompRule = "calls" | "modes" | "sockets" | "ioctl" | "namespaces";

/**
 * The seccomp filter of every sandbox, as the bytes that bubblewrap's `--seccomp FD` reads (an array of struct
 * sock_filter, linux/filter.h). It refuses
 *
 * - sockets other than IPv4, IPv6 and route netlink: a read-only bind doesn't keep anyone from connecting to a Unix socket;
 * - pairs of sockets other than connected Unix ones (Node's pipes): one of a pair of datagram sockets can be sent from, and
 *   connected, to any Unix socket by its path, and other families have pairs too (TIPC);
 * - the setuid and setgid bits of files: outside they would make a program of the agent's one of the user's;
 * - new namespaces, injection into terminals, and the calls that system-calls.ts lists. Those newer than its table look as
 *   if the kernel didn't know them.
 *
 * @param without rules to leave out; for tests of the tests only
 * @returns undefined on an architecture whose numbers aren't known
 */
export function seccompFilter(
  architecture: NodeJS.Architecture,
  without: readonly SeccompRule[] = [],
): Buffer | undefined {
  if (architecture !== "x64" && architecture !== "arm64") return undefined;
  const arch = ARCHITECTURES[architecture];
  const program: Instruction[] = [
    load(ARCHITECTURE),
    ifEqual(arch.audit, 1, 0),
    refuse(ENOSYS),
    load(NUMBER),
  ];
  if (arch.otherCallsFrom !== undefined) program.push(ifAtLeast(arch.otherCallsFrom, 0, 1), refuse(ENOSYS));
  if (!without.includes("modes")) {
    for (const call of Object.values(MODE_CALLS)) {
      const { [architecture]: number } = call;
      if (number !== undefined) program.push(...when(number, withoutSetIdBits(call)));
    }
  }
  if (!without.includes("calls")) {
    for (const { [architecture]: number } of Object.values(REFUSED)) {
      if (number !== undefined) program.push(ifEqual(number, 0, 1), refuse(EPERM));
    }
    for (const [index, [, answer]] of SHARED_CALLS.entries()) {
      if (answer === "allow") continue;
      program.push(ifEqual(FIRST_SHARED_NUMBER + index, 0, 1), refuse(answer === "refuse" ? EPERM : ENOSYS));
    }
    program.push(
      ifAtLeast(FIRST_SHARED_NUMBER + SHARED_CALLS.length, 2, 0),
      ifAtLeast(FIRST_SHARED_NUMBER, 2, 0),
      ifAtLeast(LAST_OWN_NUMBER[architecture] + 1, 0, 1),
      refuse(ENOSYS),
    );
  }
  if (!without.includes("ioctl")) {
    const tests = TERMINAL_INJECTIONS.flatMap((request) => [ifEqual(request, 0, 1), refuse(EPERM)]);
    program.push(...when(arch.ioctl, [load(ARGUMENT(1)), ...tests, allow]));
  }
  if (!without.includes("namespaces")) {
    program.push(
      ...when(arch.clone, [load(ARGUMENT(0)), ifAnyBit(NEW_NAMESPACES, 0, 1), refuse(EPERM), allow]),
    );
  }
  if (!without.includes("sockets")) {
    program.push(
      ...when(arch.socket, [
        load(ARGUMENT(0)),
        ifEqual(AF_INET, 4, 0),
        ifEqual(AF_INET6, 3, 0),
        ifEqual(AF_NETLINK, 0, 3),
        load(ARGUMENT(2)),
        ifEqual(NETLINK_ROUTE, 0, 1),
        allow,
        refuse(EAFNOSUPPORT),
      ]),
      ...when(arch.socketpair, [
        load(ARGUMENT(0)),
        ifEqual(AF_UNIX, 0, 4),
        load(ARGUMENT(1)),
        mask(SOCKET_KIND),
        ifEqual(SOCK_STREAM, 2, 0),
        ifEqual(SOCK_SEQPACKET, 1, 0),
        refuse(EAFNOSUPPORT),
        allow,
      ]),
    );
  }
  program.push(allow);
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, jumpTrue, jumpFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}

/** Instructions for one call; each ends in a verdict, so that the number is still loaded for what follows. */
function when(number: number, then: readonly Instruction[]): Instruction[] {
  return [ifEqual(number, 0, then.length), ...then];
}

function withoutSetIdBits({ flags, mode }: ModeCall): Instruction[] {
  return [
    ...(flags === undefined ? [] : [load(ARGUMENT(flags)), ifAnyBit(MAKES_A_FILE, 1, 0), allow]),
    load(ARGUMENT(mode)),
    ifAnyBit(SET_ID_BITS, 0, 1),
    refuse(EPERM),
    allow,
  ];
}
