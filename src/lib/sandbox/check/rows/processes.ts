import type { ChildProcess } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { systemCalls } from "../inside-tools.ts";
import { always, ownProcesses } from "../promises.ts";
import { type Attempt, attempt, type Inside, type Row } from "../row.ts";
import { startSleep } from "../start-sleep.ts";
import { PROGRAM_ADDRESS } from "../syscall-program.ts";

const concern = "processes";
const PTRACE_SEIZE = 0x4206;
/** Asks whether a signal might be sent, and sends none: the row after it has to find the process alive. */
const NO_SIGNAL = 0;

export const PROCESSES: readonly Row[] = [
  {
    id: "pidfd",
    concern,
    tried: "getting hold of a process of the host by a pidfd, and of its open files (pidfd_getfd)",
    guard: { bubblewrap: ["pid"] },
    promised: ownProcesses,
    attempt: ({ hostProcess }) => isSomebodyElse(hostProcess) ?? byPidfd(hostProcess.pid),
    control: (inside) => onOwnChild(inside, ({ pid }) => byPidfd(pid)),
  },
  {
    id: "signal",
    concern,
    tried: "ending a process of the host by a signal",
    guard: { bubblewrap: ["pid"] },
    promised: ownProcesses,
    attempt: ({ hostProcess }) =>
      isSomebodyElse(hostProcess) ?? attempt(() => void process.kill(hostProcess.pid, "SIGKILL")),
    cameThrough: ({ isHostProcessAlive }) => !isHostProcessAlive(),
    control: (inside) => onOwnChild(inside, ({ pid }) => attempt(() => void process.kill(pid, "SIGKILL"))),
  },
  {
    id: "ptrace-host",
    concern,
    tried: "tracing a process of the host, reading its memory",
    setting: "no-filter",
    guard: { always: "a user namespace of its own" },
    promised: always,
    attempt: ({ hostProcess }) => isSomebodyElse(hostProcess) ?? trace(hostProcess.pid),
    control: (inside) => onOwnChild(inside, ({ pid }) => trace(pid)),
  },
  {
    id: "first-process",
    concern,
    tried: "writing into the memory of the sandbox's first process, which ends with pictl's",
    guard: { bubblewrap: ["first"] },
    promised: ownProcesses,
    attempt: () => openForWriting("/proc/1/mem", "/proc/1/task/1/mem"),
    control: () => openForWriting("/proc/self/mem"),
  },
];

async function openForWriting(...paths: string[]): Promise<Attempt> {
  return await attempt(() => {
    for (const path of paths) closeSync(openSync(path, constants.O_RDWR));
  });
}

/** A number that means another process in here: it isn't the host's that is reached. */
function isSomebodyElse({ pid, marker }: Inside["hostProcess"]): Attempt | undefined {
  const file = `/proc/${pid}/cmdline`;
  if (!existsSync(file) || readFileSync(file, "utf8").includes(marker)) return undefined;
  return { through: false, seen: "another process has its number" };
}

function byPidfd(pid: number): Attempt {
  return systemCalls("pidfd", [
    [
      { call: "pidfd_open", args: [pid, 0] },
      { call: "pidfd_getfd", args: [{ resultOf: 0 }, 0, 0] },
    ],
    [
      { call: "pidfd_open", args: [pid, 0] },
      { call: "pidfd_send_signal", args: [{ resultOf: 0 }, NO_SIGNAL, 0, 0] },
    ],
  ]);
}

function trace(pid: number): Attempt {
  return systemCalls(
    "ptrace",
    [
      [{ call: "ptrace", args: [PTRACE_SEIZE, pid, 0, 0] }],
      [{ call: "process_vm_readv", args: [pid, oneByte(), 1, oneByte(), 1, 0] }],
    ],
    ["EFAULT"],
  );
}

/** struct iovec: an address that the program itself has, and that the other may not have. */
function oneByte(): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(PROGRAM_ADDRESS, 0);
  bytes.writeBigUInt64LE(1n, 8);
  return bytes;
}

async function onOwnChild(
  inside: Inside,
  act: (target: { pid: number }) => Attempt | Promise<Attempt>,
): Promise<Attempt> {
  const child: ChildProcess = startSleep(5);
  try {
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    return await act({ pid: child.pid ?? inside.hostProcess.pid });
  } finally {
    child.kill("SIGKILL");
  }
}
