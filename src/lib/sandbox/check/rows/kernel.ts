import { readFileSync } from "node:fs";
import { startProgram } from "../../../core/outside/start-program.ts";
import { struct, systemCalls } from "../inside-tools.ts";
import { always, filtered } from "../promises.ts";
import type { Attempt, Inside, Row } from "../row.ts";
import type { Steps } from "../steps.ts";
import { text } from "../syscall-program.ts";
import { DEVICES } from "./devices.ts";
import { SET_ID_ROWS } from "./set-id.ts";
import { TWO_WALLS } from "./two-walls.ts";

const concern = "kernel";
const AT_FDCWD = -100;

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
  ...TWO_WALLS,
  ...DEVICES,
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
  filteredRow(
    "newer-calls",
    "newer calls for mounts and namespaces (open_tree_attr, listns)",
    () => [
      // Without the flag that makes a mount it needs no capability.
      [{ call: "open_tree_attr", args: [AT_FDCWD, text("/"), 0, 0, 0] }],
      [{ call: "listns", args: [struct(32), struct(), 16, 0] }],
    ],
    { machineMayRefuse: "a kernel before 6.15" },
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
  ...SET_ID_ROWS,
];

/** struct perf_event_attr: type software, clock of the task, nothing of the kernel. */
function perfClock(): Buffer {
  const attributes = Buffer.alloc(128);
  attributes.writeUInt32LE(1, 0);
  attributes.writeUInt32LE(112, 4);
  attributes.writeBigUInt64LE(1n, 8);
  attributes.writeUInt8(0b0110_0001, 40);
  return attributes;
}

/** Starts the program, which waits, and looks whose rights it has. */
export async function changesUser({ setuidProgram = "" }: Inside): Promise<Attempt> {
  const child = startProgram(setuidProgram, ["30"], { stdio: ["pipe", "ignore", "ignore"], env: {} });
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
