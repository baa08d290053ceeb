import type { ChildProcess } from "node:child_process";
import {
  closeSync,
  type FSWatcher,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCalls, systemCalls, TOO_LATE } from "../inside-tools.ts";
import { always } from "../promises.ts";
import { type Attempt, type Facts, type Inside, type Row, reasonOf } from "../row.ts";
import { SMALL_QUOTAS } from "../settings.ts";
import { startSleep } from "../start-sleep.ts";
import type { Steps } from "../steps.ts";

const concern = "limits";
const MIB = 1024 ** 2;
/** How many more than allowed are tried: enough to show it, and no more. */
const MORE_PROCESSES = 16;
/** Bytes beyond what is allowed. */
const MORE_MEMORY = 96 * MIB;
const MORE_DISK = 4 * MIB;
/** Of timers no sandbox has more, whatever its other limits. */
const MAX_TIMERS = 1024;

const bindsProcesses = ({ root, hasControlGroup }: Facts) =>
  !root || hasControlGroup ? true : "the kernel exempts root from it, and no control group can be made here";

const hasQuotas = ({ policy }: Facts) =>
  policy.isolatePid
    ? true
    : "with isolate_pid = false /proc is the machine's own, and no quota can be written";

export const LIMITS: readonly Row[] = [
  {
    id: "fork-bomb",
    concern,
    tried: "starting more processes than allowed",
    setting: "small",
    guard: { bubblewrap: ["limits", "cgroup"] },
    promised: bindsProcesses,
    attempt: startMany,
    control: "own",
  },
  {
    id: "memory",
    concern,
    tried: "taking more memory than allowed, in one process",
    setting: "small",
    guard: { bubblewrap: ["limits"] },
    promised: always,
    attempt: (inside) => fillMemory(inside, 1),
    control: "own",
  },
  {
    id: "memory-tree",
    concern,
    tried: "filling it in three processes together",
    setting: "small",
    guard: { bubblewrap: ["cgroup"] },
    promised: ({ hasControlGroup }) =>
      hasControlGroup ? true : "no control group can be made here: the limit is one for each process",
    attempt: (inside) => fillMemory(inside, 3),
    control: "own",
  },
  {
    id: "disk",
    concern,
    tried:
      "filling every directory that is kept in memory (/tmp, /var/tmp, /dev/shm, /dev, the empty home, …)",
    setting: "small",
    guard: { mounts: ["sizes"] },
    promised: always,
    attempt: fillDirectories,
    control: "own",
  },
  {
    id: "disk-root",
    concern,
    tried: "filling the directories that only hold mounts",
    setting: "small",
    guard: { bubblewrap: ["remount"] },
    promised: always,
    attempt: (inside) => fill(["/", "/dev"], inside.limits.tmpSize + MORE_DISK),
    control: "own",
  },
  {
    id: "open-files",
    concern,
    tried: "opening more files than allowed, in one process",
    setting: "small",
    guard: { bubblewrap: ["limits"] },
    promised: always,
    attempt: openMany,
    control: "own",
    machineMayRefuse: "ulimit -Hn",
  },
  {
    id: "timers",
    concern,
    tried: "making more timers than a sandbox may of those that its user has",
    setting: "small",
    guard: { bubblewrap: ["limits"] },
    promised: always,
    attempt: () => systemCalls("timer_create", [timerCalls(MAX_TIMERS + 1)]),
    control: "own",
    machineMayRefuse: "ulimit -Hi",
  },
  {
    id: "inotify",
    concern,
    tried: "making more inotify instances than a sandbox may of those that its user has",
    setting: "small",
    guard: { bubblewrap: ["quotas"] },
    promised: hasQuotas,
    attempt: () => systemCalls("inotify_init1", [instanceCalls(SMALL_QUOTAS.max_inotify_instances + 1)]),
    control: "own",
    machineMayRefuse: "fs.inotify.max_user_instances",
  },
  {
    id: "inotify-watches",
    concern,
    tried: "watching more files than a sandbox may of those that its user can",
    setting: "small",
    guard: { bubblewrap: ["quotas"] },
    promised: hasQuotas,
    attempt: () => watchMany(SMALL_QUOTAS.max_inotify_watches + 1),
    control: "own",
    machineMayRefuse: "fs.inotify.max_user_watches",
  },
  {
    id: "core-files",
    concern,
    tried: "being allowed a core file",
    setting: "small",
    guard: { bubblewrap: ["limits"] },
    promised: always,
    attempt: () => {
      const [, limit = "unknown"] =
        /^Max core file size\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
      return { through: limit !== "0", seen: `at most ${limit} bytes` };
    },
    control: "own",
    machineMayRefuse: "ulimit -Hc 0",
  },
];

/** Node has raised its soft limit to the hard one. */
function openMany({ limits }: Inside): Attempt {
  const opened: number[] = [];
  try {
    while (opened.length < limits.maxOpenFiles) opened.push(openSync("/dev/null", "r"));
    return { through: true, seen: `${opened.length} opened beside those of the program` };
  } catch (error) {
    return { through: false, seen: `${opened.length} opened, then ${reasonOf(error)}` };
  } finally {
    for (const file of opened) closeSync(file);
  }
}

/** All of one program: the ids of the timers are written to the same place. */
export function timerCalls(count: number): Steps {
  const CLOCK_MONOTONIC = 1;
  const id = Buffer.alloc(8);
  return Array.from(
    { length: count },
    () => ({ call: "timer_create", args: [CLOCK_MONOTONIC, 0, id] }) as const,
  );
}

export function instanceCalls(count: number): Steps {
  return Array.from({ length: count }, () => ({ call: "inotify_init1", args: [0] }) as const);
}

function watchMany(count: number): Attempt {
  const directory = mkdtempSync(join(tmpdir(), "pictl-watch-"));
  const watchers: FSWatcher[] = [];
  try {
    while (watchers.length < count) {
      const path = join(directory, String(watchers.length));
      writeFileSync(path, "");
      watchers.push(watch(path).on("error", () => {}));
    }
    return { through: true, seen: `${count} watched` };
  } catch (error) {
    return { through: false, seen: `${watchers.length} of ${count} watched, then ${reasonOf(error)}` };
  } finally {
    for (const watcher of watchers) watcher.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startMany({ limits }: Inside): Promise<Attempt> {
  const wanted = limits.maxProcesses + MORE_PROCESSES;
  const children: ChildProcess[] = [];
  let refused: string | undefined;
  try {
    while (children.length < wanted && refused === undefined) {
      // Each of them ends by itself.
      const child = startSleep(4);
      child.on("error", (error) => {
        refused = reasonOf(error);
      });
      if (child.pid === undefined) await new Promise((resolve) => setImmediate(resolve));
      else children.push(child);
    }
  } catch (error) {
    refused = reasonOf(error);
  } finally {
    await endAll(children);
  }
  const seen = `${children.length} of ${wanted} started${refused === undefined ? "" : `, then ${refused}`}`;
  return { through: refused === undefined, seen };
}

/** The next row has to find room for its own. */
async function endAll(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map((child) => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      return child.exitCode === null && child.kill("SIGKILL") ? ended : undefined;
    }),
  );
}

/**
 * Takes memory in programs that hold it until all of them have theirs or one was refused. The limit of one process is on
 * what it asks for; the limit of all is on what they use, so that then every page is filled.
 */
async function fillMemory({ limits }: Inside, processes: number): Promise<Attempt> {
  const wanted = limits.maxMemory + MORE_MEMORY;
  const running = Array.from({ length: processes }, () =>
    startCalls(takeMemory(Math.ceil(wanted / processes), processes > 1)),
  );
  await Promise.race([Promise.all(running.map(({ wrote }) => wrote)), ...running.map(({ end }) => end)]);
  for (const { release } of running) release();
  const ends = await Promise.all(running.map(({ end }) => end));
  const refused = ends.find((end) => end !== undefined);
  const size = `${Math.round(wanted / MIB)} MiB`;
  return {
    through: refused === undefined,
    seen: refused === undefined ? `${size} taken` : `${size}: ${refused}`,
    ...(refused === TOO_LATE ? { late: true } : {}),
  };
}

/** A private, anonymous mapping, populated or not; then a byte that says so, and a wait for the end of stdin. */
function takeMemory(bytes: number, fill: boolean): Steps {
  return [
    { call: "mmap", args: [0, bytes, 0x3, fill ? 0x8022 : 0x22, -1, 0] },
    { call: "write", args: [1, Buffer.from("."), 1] },
    { call: "read", args: [0, Buffer.alloc(1), 1] },
  ];
}

/** Every directory that is kept in memory and was made for the sandbox, by the kernel's own list (proc(5), mountinfo). */
async function fillDirectories(inside: Inside): Promise<Attempt> {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    // A part of one of the host's has another root; "/" and "/dev" have a row of their own.
    .filter((fields) => fields[3] === "/" && fields[fields.indexOf("-") + 1] === "tmpfs")
    .map(([, , , , path = ""]) => path.replace(/\\(\d{3})/g, (_, octal) => octalCharacter(octal)))
    .filter((path) => path !== "/dev" && path !== "/");
  return fill(mounts, inside.limits.tmpSize + MORE_DISK);
}

function octalCharacter(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}

function fill(directories: readonly string[], bytes: number): Attempt {
  const reasons: string[] = [];
  for (const directory of directories) {
    const reason = whyNotFilled(directory, bytes);
    if (reason === undefined)
      return { through: true, seen: `${Math.round(bytes / MIB)} MiB written to ${directory}` };
    reasons.push(reason);
  }
  return { through: false, seen: `${directories.length} tried: ${[...new Set(reasons)].join(", ")}` };
}

/** @returns the error that ended it, or undefined when everything was written */
function whyNotFilled(directory: string, bytes: number): string | undefined {
  const path = join(directory, `.pictl-fill-${process.pid}`);
  const step = Buffer.alloc(MIB, 1);
  let file: number | undefined;
  try {
    file = openSync(path, "w");
    for (let written = 0; written < bytes; ) written += writeSync(file, step);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    if (file !== undefined) {
      closeSync(file);
      rmSync(path, { force: true });
    }
  }
}
