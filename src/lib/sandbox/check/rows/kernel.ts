import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Steps, systemCalls } from "../inside-tools.ts";
import { always, filtered } from "../promises.ts";
import { type Attempt, attempt, type Inside, type Row } from "../row.ts";
import { text } from "../syscall-program.ts";

const concern = "kernel";
const AT_FDCWD = -100;
const MS_REMOUNT_BIND = 0x20 | 0x1000;
/** nosuid, nodev and relatime, which may not be given up where others set them. */
const KEPT_FLAGS = 0x2 | 0x4 | 0x20_0000;
const MNT_DETACH = 2;
const NEW_USER = 0x1000_0000;
const SIGCHLD = 17;
const struct = (...words: number[]) => {
  const bytes = Buffer.alloc(Math.max(128, words.length * 8));
  for (const [index, word] of words.entries()) bytes.writeBigInt64LE(BigInt(word), index * 8);
  return bytes;
};

/** Calls that a sandbox's filter refuses, and that are refused behind it too: tried with the filter and without. */
const TWO_WALLS: readonly {
  id: string;
  tried: string;
  lists: (inside: Inside) => Steps[];
  guard: Row["guard"];
}[] = [
  {
    id: "user-namespace",
    tried: "making a user namespace (unshare, clone, clone3), in which one is root again",
    guard: { bubblewrap: ["userns"] },
    lists: () => [
      [{ call: "unshare", args: [NEW_USER] }],
      [{ call: "clone", args: [NEW_USER | SIGCHLD, 0, 0, 0, 0] }],
      [{ call: "clone3", args: [struct(NEW_USER, 0, 0, 0, SIGCHLD), 88] }],
    ],
  },
  {
    id: "mount",
    tried: "mounting something",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: () => [
      [{ call: "mount", args: [text("none"), text("/var/tmp"), text("tmpfs"), 0, 0] }],
      [{ call: "fsopen", args: [text("tmpfs"), 0] }],
      [{ call: "open_tree", args: [AT_FDCWD, text("/"), 1] }],
    ],
  },
  {
    id: "umount",
    tried: "unmounting what covers something",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: () => [[{ call: "umount2", args: [text("/var/tmp"), MNT_DETACH] }]],
  },
  {
    id: "remount",
    tried: "mounting read-only places writable again",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: ({ node }) => [[{ call: "mount", args: [0, text(node), 0, MS_REMOUNT_BIND | KEPT_FLAGS, 0] }]],
  },
  {
    id: "chroot",
    tried: "chroot and pivot_root",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: ({ workspace }) => [
      [{ call: "chroot", args: [text(workspace)] }],
      [{ call: "pivot_root", args: [text("."), text(".")] }],
    ],
  },
];

function twoWalls({ id, tried, lists, guard }: (typeof TWO_WALLS)[number]): Row[] {
  const row = {
    concern,
    attempt: (inside: Inside) => systemCalls(id, lists(inside)),
    control: "own",
  } as const;
  return [
    {
      ...row,
      id,
      tried,
      guard: { ...guard, seccomp: ["calls", "namespaces"] },
      promised: always,
    },
    {
      ...row,
      id: `${id}-unfiltered`,
      tried: `${tried}, with no seccomp filter`,
      setting: "no-filter",
      guard,
      promised: always,
    },
  ];
}

/** Calls that only the filter refuses. */
function filteredRow(
  id: string,
  tried: string,
  lists: (inside: Inside) => Steps[],
  options: Partial<Row> & { reached?: readonly string[] } = {},
): Row {
  const { reached, ...rest } = options;
  return {
    id,
    concern,
    tried,
    guard: { seccomp: ["calls"] },
    promised: filtered,
    attempt: (inside) => systemCalls(id, lists(inside), reached),
    control: "own",
    ...rest,
  };
}

export const KERNEL: readonly Row[] = [
  {
    id: "capabilities",
    concern,
    tried: "having any capability (CapEff, CapBnd and the others of /proc/self/status)",
    guard: { bubblewrap: ["caps"] },
    promised: always,
    attempt: () => {
      const lines = readFileSync("/proc/self/status", "utf8").match(/^Cap\w+:\s*\w+$/gm) ?? [];
      const held = lines.filter((line) => !/:\s*0+$/.test(line)).map((line) => line.replace(/:\s*/, " "));
      return held.length > 0 || lines.length === 0
        ? { through: true, seen: held.join(", ") }
        : { through: false, seen: `none in ${lines.length} sets` };
    },
    control: "own",
  },
  ...TWO_WALLS.flatMap(twoWalls),
  {
    id: "mknod",
    concern,
    tried: "making a device file of the first disk",
    guard: { always: "a user namespace of its own" },
    promised: always,
    attempt: ({ workspace }) => makeNode(join(workspace, ".disk"), 0o060600, 8 << 8),
    // A pipe is a node that anybody may make.
    control: ({ workspace }) => makeNode(join(workspace, ".pipe"), 0o010600, 0),
  },
  {
    id: "devices",
    concern,
    tried: "opening /dev/mem, disks, /dev/kmsg and every other device of the host",
    guard: { mounts: ["dev"] },
    promised: always,
    attempt: openDevices,
    control: "own",
  },
  {
    id: "sysctl",
    concern,
    tried: "opening settings below /proc/sys for writing (kernel.core_pattern runs a program as root)",
    guard: { bubblewrap: ["proc-sys", "caps", "userns"], mounts: ["dev"] },
    promised: always,
    attempt: () =>
      openAny([
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/hostname",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/vm/drop_caches",
      ]),
    control: "own",
  },
  {
    id: "sysctl-root",
    concern,
    tried: "the same as root without capabilities, who owns those files",
    guard: { bubblewrap: ["proc-sys"] },
    promised: ({ root }) => (root ? true : "only root owns them"),
    attempt: () => openAny(["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"]),
    control: "own",
  },
  {
    id: "proc-files",
    concern,
    tried: "opening other files of /proc for writing (sysrq-trigger, irq, mtrr, …)",
    guard: { always: "bubblewrap's own covers of /proc" },
    promised: always,
    attempt: () => openAny(filesOf("/proc", 3)),
    control: ({ workspace }) => openAny([join(workspace, "readable")]),
  },
  filteredRow(
    "kmsg",
    "reading the kernel's log (syslog)",
    () => [[{ call: "syslog", args: [3, struct(), 64] }]],
    {
      machineMayRefuse: "kernel.dmesg_restrict",
    },
  ),
  filteredRow(
    "tiocsti",
    "typing into a terminal (TIOCSTI)",
    () => [
      [
        { call: "setsid", args: [] },
        { call: "openat", args: [AT_FDCWD, text("/dev/ptmx"), 0o402, 0] },
        { call: "ioctl", args: [{ resultOf: 1 }, 0x4004_5431, struct(0)] },
        { call: "ioctl", args: [{ resultOf: 1 }, 0x5441, 0o402] },
        { call: "ioctl", args: [{ resultOf: 3 }, 0x540e, 0] },
        { call: "ioctl", args: [{ resultOf: 3 }, 0x5412, text("x")] },
      ],
    ],
    { guard: { seccomp: ["ioctl"] }, machineMayRefuse: "dev.tty.legacy_tiocsti" },
  ),
  {
    id: "terminal",
    concern,
    tried: "sharing the terminal session of whoever started pictl",
    guard: { bubblewrap: ["session"] },
    promised: always,
    attempt: () => {
      // The fields after the name, which may have spaces in it: state, parent, group, session.
      const session = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)?.split(" ")[3];
      return session === "0"
        ? { through: true, seen: "its session is one of outside" }
        : { through: false, seen: `a session of its own (${session})` };
    },
    control: "own",
  },
  filteredRow(
    "io-uring",
    "io_uring, which makes calls that no filter sees",
    () => [[{ call: "io_uring_setup", args: [1, struct()] }]],
    { machineMayRefuse: "kernel.io_uring_disabled, or a kernel without it" },
  ),
  filteredRow("keyrings", "the kernel's keyrings (keyctl, add_key)", () => [
    [{ call: "keyctl", args: [0, -3, 1] }],
    [{ call: "add_key", args: [text("user"), text("pictl-check"), text("x"), 1, -2] }],
  ]),
  filteredRow(
    "userfaultfd",
    "userfaultfd, by which races in the kernel are won",
    () => [[{ call: "userfaultfd", args: [1] }]],
    { machineMayRefuse: "a kernel without it" },
  ),
  filteredRow(
    "bpf",
    "loading programs into the kernel (bpf)",
    () => [[{ call: "bpf", args: [7, struct(), 128] }]],
    { reached: ["EFAULT", "ENOENT", "EINVAL"], machineMayRefuse: "kernel.unprivileged_bpf_disabled" },
  ),
  filteredRow(
    "perf",
    "watching the processor (perf_event_open)",
    () => [
      // A clock of its own process, in user mode only.
      [{ call: "perf_event_open", args: [perfClock(), 0, -1, -1, 0] }],
    ],
    { machineMayRefuse: "kernel.perf_event_paranoid" },
  ),
  filteredRow("ptrace", "ptrace, of whatever process", () => [[{ call: "ptrace", args: [0, 0, 0, 0] }]]),
  {
    id: "setuid",
    concern,
    tried: "becoming another user by a setuid program",
    guard: { always: "no_new_privs, and mounts without setuid" },
    promised: ({ inside }) => (inside.setuidProgram === undefined ? "there is no setuid program here" : true),
    attempt: changesUser,
    control: "outside",
  },
];

function makeNode(path: string, mode: number, device: number): Attempt {
  return systemCalls("mknod", [[{ call: "mknodat", args: [AT_FDCWD, text(path), mode, device] }]]);
}

/** struct perf_event_attr: type software, clock of the task, nothing of the kernel. */
function perfClock(): Buffer {
  const attributes = Buffer.alloc(128);
  attributes.writeUInt32LE(1, 0);
  attributes.writeUInt32LE(112, 4);
  attributes.writeBigUInt64LE(1n, 8);
  attributes.writeUInt8(0b0110_0001, 40);
  return attributes;
}

async function openAny(paths: readonly string[]): Promise<Attempt> {
  const reasons: string[] = [];
  for (const path of paths) {
    const one = await attempt(() => void closeSync(openSync(path, constants.O_WRONLY)));
    if (one.through) return { through: true, seen: `opened ${path}` };
    reasons.push(one.seen);
  }
  return { through: false, seen: `${paths.length} tried: ${[...new Set(reasons)].join(", ")}` };
}

/** Regular files below a directory that aren't a process's. */
function filesOf(directory: string, depth: number): string[] {
  let entries: string[] = [];
  try {
    entries = readdirSync(directory);
  } catch {
    return [];
  }
  return entries.flatMap((name) => {
    // Processes, what leads to one, what has a row of its own; and pressure/*, by which anybody may ask to be woken.
    if (directory === "/proc" && /^(\d+|self|thread-self|net|mounts|sys|pressure)$/.test(name)) return [];
    const path = join(directory, name);
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isDirectory) return depth > 1 ? filesOf(path, depth - 1) : [];
    return [path];
  });
}

/** What a sandbox has of its own in /dev, as bubblewrap makes it. */
const OWN_DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"];

async function openDevices(): Promise<Attempt> {
  const names = new Set([
    ...["mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "xvda", "fuse", "kvm", "net/tun", "uinput"],
    ...["loop-control", "vhost-vsock", "vsock", "dri/card0", "input/event0", "snapshot", "mapper/control"],
    ...readdirSync("/dev"),
  ]);
  const reasons: string[] = [];
  for (const name of names) {
    if (OWN_DEVICES.includes(name) || /^(std\w+|fd|core|pts|shm|log|initctl)$/.test(name)) continue;
    const path = join("/dev", name);
    // Neither waits for whoever is at the other end, nor becomes its terminal.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    const one = await attempt(() => {
      if (statSync(path).isDirectory()) throw new Error("a directory");
      closeSync(openSync(path, flags));
      return undefined;
    });
    if (one.through) return { through: true, seen: `opened ${path}` };
    reasons.push(one.seen);
  }
  return { through: false, seen: `${names.size} tried: ${[...new Set(reasons)].join(", ")}` };
}

/** Starts the program, which waits, and looks whose rights it has. */
export async function changesUser({ setuidProgram = "" }: Inside): Promise<Attempt> {
  const child = spawn(setuidProgram, ["30"], { stdio: ["pipe", "ignore", "ignore"] });
  try {
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    const ids = /^Uid:\s*(.*)$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]?.split("\t");
    const [real, effective] = ids ?? [];
    return effective === undefined || real === effective
      ? { through: false, seen: `still user ${effective}` }
      : { through: true, seen: `user ${effective} instead of ${real}` };
  } finally {
    child.kill("SIGKILL");
  }
}
