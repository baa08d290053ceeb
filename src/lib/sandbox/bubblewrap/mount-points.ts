import { readFileSync } from "node:fs";
import { contains } from "../../core/contains.ts";

/** A mount, as a process sees it. Source: proc_pid_mountinfo(5). */
export interface Mount {
  id: string;
  parent: string;
  /** Of the file system: major and minor number. */
  device: string;
  /** What of the file system is mounted: where that is now, also after a rename. */
  root: string;
  /** Where it is mounted. */
  point: string;
  type: string;
}

/**
 * The mounts of a process in the order in which they were made.
 *
 * @returns none where the process has ended
 */
export function mountsOf(pid: number | "self"): Mount[] {
  let text = "";
  try {
    text = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
  } catch {
    // It has ended, or the kernel doesn't show it.
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(toMount);
}

/**
 * Where something is mounted below some directories (not on them), as a process sees it.
 *
 * @returns none where the process has ended
 */
export function mountPointsBelow(pid: number, directories: readonly string[]): Set<string> {
  const points = mountsOf(pid).map(({ point }) => point);
  return new Set(points.filter((point) => directories.some((one) => point !== one && contains(one, point))));
}

function toMount(line: string): Mount {
  const [id = "", parent = "", device = "", root = "", point = ""] = line.split(" ");
  const type = line.slice(line.indexOf(" - ") + 3).split(" ", 1)[0] ?? "";
  return { id, parent, device, root: unescaped(root), point: unescaped(point), type };
}

/** Blanks, line ends and backslashes are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}
