import { readFileSync } from "node:fs";

/** Where the kernel keeps what a user namespace may have of what it counts for a user. Source: user_namespaces(7). */
const DIRECTORY = "/proc/sys/user";

/**
 * What a sandbox may have at most of what the kernel counts for a user, in all programs together. A big project under a
 * file watcher has some ten thousand watches; each holds about 1 KiB of the kernel's memory. Each program that watches
 * has an instance, and a test runner starts dozens.
 */
const MOST: Readonly<Record<string, number>> = {
  max_inotify_instances: 512,
  max_inotify_watches: 262_144,
  max_fanotify_groups: 64,
  max_fanotify_marks: 65_536,
};

/** A file that is written when the sandbox is made, and its text. */
export interface UserQuota {
  file: string;
  text: string;
}

/**
 * Quotas of a new user namespace, on top of those of the user, in which all that the namespace has counts too: no more
 * than half of what the user has, so that one sandbox can't use it up.
 *
 * @param most more restrictive ones
 * @returns none where the kernel doesn't have them
 */
export function userQuotas(most: Readonly<Record<string, number>> = {}): UserQuota[] {
  return Object.entries(MOST).flatMap(([name, limit]) => {
    const file = `${DIRECTORY}/${name}`;
    const users = readNumber(file);
    if (users === undefined) return [];
    return [{ file, text: String(Math.min(most[name] ?? limit, limit, Math.floor(users / 2))) }];
  });
}

function readNumber(file: string): number | undefined {
  try {
    const value = Number(readFileSync(file, "utf8"));
    return Number.isSafeInteger(value) ? value : undefined;
  } catch {
    // A kernel without it, or not Linux.
    return undefined;
  }
}
