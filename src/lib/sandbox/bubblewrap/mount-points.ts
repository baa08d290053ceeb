import { readFileSync } from "node:fs";
import { isWithin } from "./mounts.ts";

/**
 * Where something is mounted below some directories (not on them), as a process sees it. Source:
 * proc_pid_mountinfo(5), where blanks and backslashes are written as three octal digits.
 *
 * @returns none where the process has ended
 */
export function mountPointsBelow(pid: number, directories: readonly string[]): Set<string> {
  let text = "";
  try {
    text = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
  } catch {
    // It has ended, or the kernel doesn't show it.
  }
  const points = text.split("\n").map((line) => {
    const [, , , , point = ""] = line.split(" ");
    return point.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
  });
  return new Set(points.filter((point) => directories.some((one) => point !== one && isWithin(point, one))));
}
