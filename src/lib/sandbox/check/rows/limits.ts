import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { always } from "../promises.ts";
import { type Attempt, type Facts, type Inside, type Row, reasonOf } from "../row.ts";

const concern = "limits";
const MIB = 1024 ** 2;
/** How many more than allowed are tried: enough to show it, and no more. */
const MORE_PROCESSES = 16;
/** Bytes beyond what is allowed. */
const MORE_MEMORY = 96 * MIB;
const MORE_DISK = 4 * MIB;
/** A child that takes longer is stuck in the kernel's search for memory. */
const CHILD_TIMEOUT_MS = 3_000;

const bindsProcesses = ({ root, hasControlGroup }: Facts) =>
  !root || hasControlGroup ? true : "the kernel exempts root from it, and no control group can be made here";

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
    tried: "filling more memory than allowed, in one process",
    setting: "small",
    guard: { bubblewrap: ["limits", "cgroup"] },
    promised: always,
    attempt: (inside) => fillMemory(inside, 1),
    control: "own",
  },
  {
    id: "memory-tree",
    concern,
    tried: "the same in three processes together",
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
    id: "core-files",
    concern,
    tried: "being allowed a core file",
    setting: "small",
    guard: { bubblewrap: ["limits"] },
    promised: always,
    attempt: () => {
      const [, limit = "unknown"] =
        /^Max core file size\s+(\S+)\s+\S+/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
      return { through: limit !== "0", seen: `at most ${limit} bytes` };
    },
    control: "own",
  },
];

async function startMany({ limits }: Inside): Promise<Attempt> {
  const wanted = limits.maxProcesses + MORE_PROCESSES;
  const children: ChildProcess[] = [];
  let refused: string | undefined;
  try {
    while (children.length < wanted && refused === undefined) {
      // Each of them ends by itself.
      const child = spawn("sleep", ["4"], { stdio: "ignore" });
      child.on("error", (error) => {
        refused = reasonOf(error);
      });
      if (child.pid === undefined) await new Promise((resolve) => setImmediate(resolve));
      else children.push(child);
    }
  } catch (error) {
    refused = reasonOf(error);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
  const seen = `${children.length} of ${wanted} started${refused === undefined ? "" : `, then ${refused}`}`;
  return { through: refused === undefined, seen };
}

/** What a child does: takes memory step by step, and tells each. */
const TAKE = `const kept = []; const step = 8 * 1024 * 1024;
for (let taken = 0; taken < Number(process.argv[1]); taken += step) {
  kept.push(Buffer.alloc(step, 1)); require("fs").writeSync(1, "."); }
require("fs").writeSync(1, "done"); setTimeout(() => {}, 500);`;

async function fillMemory({ limits, node }: Inside, processes: number): Promise<Attempt> {
  const wanted = limits.maxMemory + MORE_MEMORY;
  const outputs = await Promise.all(
    Array.from({ length: processes }, () => takeMemory(node, Math.ceil(wanted / processes))),
  );
  const taken = outputs.reduce((sum, output) => sum + output.split(".").length - 1, 0) * 8;
  const done = outputs.every((output) => output.endsWith("done"));
  const seen = `${taken} MiB taken of ${Math.round(wanted / MIB)}${done ? "" : ", then it was ended"}`;
  return { through: done, seen };
}

function takeMemory(node: string, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(node, ["-e", TAKE, String(bytes)], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: CHILD_TIMEOUT_MS,
      killSignal: "SIGKILL",
      env: {},
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
    child.on("error", () => resolve(output));
    child.on("close", () => resolve(output));
  });
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
