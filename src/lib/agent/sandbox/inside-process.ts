import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** bubblewrap, and its copy that is the first process inside. */
const MAX_DEPTH = 4;

/**
 * The process that a bubblewrap runs, as the machine sees it: bubblewrap itself is its parent or its parent's.
 *
 * @param pid of bubblewrap
 * @returns `pid` itself where that can't be told, or nothing runs in it
 */
export function processInside(pid: number): number {
  let at = pid;
  for (let depth = 0; depth < MAX_DEPTH && nameOf(at) === "bwrap"; depth++) {
    const child = firstChildOf(at);
    if (child === undefined) return pid;
    at = child;
  }
  return at;
}

/** How the process inside ended: bubblewrap passes on an exit code, and a signal as 128 and its number. */
export function exitInside(
  code: number | null,
  signal: NodeJS.Signals | null,
): { code: number | null; signal: NodeJS.Signals | null } {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const passed = names.find((name) => constants.signals[name] === (code ?? 0) - 128);
  return passed === undefined ? { code, signal } : { code: null, signal: passed };
}

function nameOf(pid: number): string | undefined {
  return read(`/proc/${pid}/comm`)?.trim();
}

/** In the order of their birth (proc(5)): what was adopted comes later. */
function firstChildOf(pid: number): number | undefined {
  const first = read(`/proc/${pid}/task/${pid}/children`)?.split(" ", 1)[0];
  return first ? Number(first) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It has ended, or the kernel doesn't show it.
    return undefined;
  }
}
