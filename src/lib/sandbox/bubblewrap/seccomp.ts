/** System calls that no program needs for its work and that widen what a sandboxed one can reach, with their numbers. */
const REFUSED: Readonly<Record<string, { x64?: number; arm64?: number }>> = {
  ptrace: { x64: 101, arm64: 117 },
  process_vm_readv: { x64: 310, arm64: 270 },
  process_vm_writev: { x64: 311, arm64: 271 },
  kcmp: { x64: 312, arm64: 272 },
  pidfd_getfd: { x64: 438, arm64: 438 },
  add_key: { x64: 248, arm64: 217 },
  request_key: { x64: 249, arm64: 218 },
  keyctl: { x64: 250, arm64: 219 },
  userfaultfd: { x64: 323, arm64: 282 },
  bpf: { x64: 321, arm64: 280 },
  perf_event_open: { x64: 298, arm64: 241 },
  syslog: { x64: 103, arm64: 116 },
  name_to_handle_at: { x64: 303, arm64: 264 },
  open_by_handle_at: { x64: 304, arm64: 265 },
  unshare: { x64: 272, arm64: 97 },
  setns: { x64: 308, arm64: 268 },
  chroot: { x64: 161, arm64: 51 },
  pivot_root: { x64: 155, arm64: 41 },
  mount: { x64: 165, arm64: 40 },
  umount2: { x64: 166, arm64: 39 },
  open_tree: { x64: 428, arm64: 428 },
  move_mount: { x64: 429, arm64: 429 },
  fsopen: { x64: 430, arm64: 430 },
  fsconfig: { x64: 431, arm64: 431 },
  fsmount: { x64: 432, arm64: 432 },
  fspick: { x64: 433, arm64: 433 },
  mount_setattr: { x64: 442, arm64: 442 },
  swapon: { x64: 167, arm64: 224 },
  swapoff: { x64: 168, arm64: 225 },
  reboot: { x64: 169, arm64: 142 },
  kexec_load: { x64: 246, arm64: 104 },
  kexec_file_load: { x64: 320, arm64: 294 },
  init_module: { x64: 175, arm64: 105 },
  finit_module: { x64: 313, arm64: 273 },
  delete_module: { x64: 176, arm64: 106 },
  iopl: { x64: 172 },
  ioperm: { x64: 173 },
  modify_ldt: { x64: 154 },
  acct: { x64: 163, arm64: 89 },
  quotactl: { x64: 179, arm64: 60 },
  quotactl_fd: { x64: 443, arm64: 443 },
  lookup_dcookie: { x64: 212, arm64: 18 },
  settimeofday: { x64: 164, arm64: 170 },
  clock_settime: { x64: 227, arm64: 112 },
  clock_adjtime: { x64: 305, arm64: 266 },
};

/**
 * Calls that have to look as if the kernel didn't know them: libraries try them first and go on without them.
 * The arguments of `clone3` are in memory, which a filter can't read, so that its namespace flags can't be refused.
 */
const UNKNOWN: Readonly<Record<string, number>> = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  clone3: 435,
};

interface Architecture {
  /** AUDIT_ARCH_*: a program of another word size has other numbers, and would slip through. */
  audit: number;
  socket: number;
  ioctl: number;
  clone: number;
  /** Numbers from here on are another set of calls (x32) for the same kernel. */
  otherCallsFrom?: number;
}

const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, Architecture>>> = {
  x64: { audit: 0xc000003e, socket: 41, ioctl: 16, clone: 56, otherCallsFrom: 0x4000_0000 },
  arm64: { audit: 0xc00000b7, socket: 198, ioctl: 29, clone: 220 },
};

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const AF_INET = 2;
const AF_INET6 = 10;
/** How libc lists network interfaces (`os.networkInterfaces()`); its other protocols reach the kernel's own services. */
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
/** Both put characters into a terminal's input, where the shell outside would read them. */
const TERMINAL_INJECTIONS = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (NEWTIME is for unshare and clone3 only). */
const NEW_NAMESPACES = 0x7e02_0000;

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
const ifAnyBit = (value: number, then: number, otherwise: number): Instruction => [
  0x45,
  then,
  otherwise,
  value,
];
const allow: Instruction = [0x06, 0, 0, 0x7fff_0000];
const refuse = (errno: number): Instruction => [0x06, 0, 0, 0x0005_0000 | errno];

/** Names of what can be taken out of the filter, to show that something notices. */
export type SeccompRule = "calls" | "sockets" | "ioctl" | "namespaces";

/**
 * The seccomp filter of every sandbox, as the bytes that bubblewrap's `--seccomp FD` reads (an array of struct
 * sock_filter, linux/filter.h). It refuses sockets other than IPv4, IPv6 and route netlink (a read-only bind doesn't keep
 * anyone from connecting to a Unix socket; Node's own pipes are socketpairs, which stay), new namespaces, injection into
 * terminals, and the calls listed above.
 *
 * Numbers are those of the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl and
 * include/uapi/asm-generic/unistd.h).
 *
 * @param without rules to leave out; for tests of the tests only
 * @returns undefined on an architecture whose numbers aren't known
 */
export function seccompFilter(
  architecture: NodeJS.Architecture,
  without: readonly SeccompRule[] = [],
): Buffer | undefined {
  const arch = ARCHITECTURES[architecture];
  if (arch === undefined) return undefined;
  const program: Instruction[] = [
    load(ARCHITECTURE),
    ifEqual(arch.audit, 1, 0),
    refuse(ENOSYS),
    load(NUMBER),
  ];
  if (arch.otherCallsFrom !== undefined) program.push(ifAtLeast(arch.otherCallsFrom, 0, 1), refuse(ENOSYS));
  if (!without.includes("calls")) {
    for (const { [architecture as "x64" | "arm64"]: number } of Object.values(REFUSED)) {
      if (number !== undefined) program.push(ifEqual(number, 0, 1), refuse(EPERM));
    }
    for (const number of Object.values(UNKNOWN)) program.push(ifEqual(number, 0, 1), refuse(ENOSYS));
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
