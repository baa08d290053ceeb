import { randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { PictlError } from "./errors.ts";
import { type Environment, resolvePaths } from "./paths.ts";
import { findHome, userId } from "./user.ts";

const ROOT = 0;

/** Who is in which group, as the files of the machine say. */
export interface Accounts {
  /** Source: group(5). */
  group: string;
  /** Source: passwd(5). */
  passwd: string;
}

/**
 * Refuses what pictl obeys and keeps its state in where somebody else could have written it: `PICTL_HOME`, the
 * directories of its configuration, registry and history, and the files there that decide something. They may be yours
 * or root's, and nobody else may write there. A group may where nobody else is in it, as with Debian's umask 002.
 *
 * What isn't there yet is made by pictl. The directories above aren't looked at: who can put another directory in the
 * place of one can't make it yours. Costs some 20 µs.
 *
 * @throws PictlError UNSAFE_DIRECTORY with owner and mode, and what to do
 */
export function refuseForeignPlaces(env: Environment): void {
  // Whoever needs a place says so.
  if (!env.PICTL_HOME && findHome(env) === undefined) return;
  const { configDir, stateDir, dataDir, config, registry, agentPlaces } = resolvePaths(env);
  const home = env.PICTL_HOME ? [env.PICTL_HOME] : [];
  const files = [config, join(configDir, "sandbox.toml"), registry, agentPlaces];
  for (const path of [...home, configDir, stateDir, dataDir, ...files]) refuseForeign(path);
}

function refuseForeign(path: string): void {
  const link = statsOf(path, lstatSync);
  if (link === undefined) return;
  const stats = link.isSymbolicLink() ? statsOf(path, statSync) : link;
  const uid = userId();
  for (const each of stats === undefined ? [link] : [link, stats])
    if (each.uid !== uid && each.uid !== ROOT && !isMadeAs(path, each))
      throw refusal(path, each, `belongs to user ${each.uid}, not to you (${uid})`, `chown ${uid}`);
  if (stats === undefined || stats.isSymbolicLink()) return;
  if ((stats.mode & 0o002) !== 0) throw refusal(path, stats, "can be written by every user", "chmod o-w");
  if ((stats.mode & 0o020) !== 0 && isShared(stats.gid, uid, accounts()))
    throw refusal(path, stats, `can be written by others in the group ${stats.gid}`, "chmod g-w");
}

/**
 * Whether a group may have somebody in it besides a user and root. Of one that the machine's files don't have, as in
 * containers, only membership counts. The group of root is root's: containers give it to users of any id.
 *
 * @param own groups of this process
 */
export function isShared(
  gid: number,
  uid: number,
  { group, passwd }: Accounts,
  own: readonly number[] = [process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])],
): boolean {
  if (gid === ROOT) return false;
  const users = records(passwd).map(([name = "", , id, main]) => ({
    name,
    id: Number(id),
    main: Number(main),
  }));
  const known = records(group).find(([, , id]) => Number(id) === gid);
  const listed = known?.[3]?.split(",").filter((name) => name !== "") ?? [];
  const members = [...listed, ...users.filter(({ main }) => main === gid).map(({ name }) => name)];
  const trusted = users.filter(({ id }) => id === uid || id === ROOT).map(({ name }) => name);
  if (members.some((name) => !trusted.includes(name))) return true;
  return known === undefined && !own.includes(gid);
}

function records(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(":"));
}

function accounts(): Accounts {
  return { group: readAccounts("/etc/group"), passwd: readAccounts("/etc/passwd") };
}

function readAccounts(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // A container without one.
    return "";
  }
}

/**
 * Whether what this process makes in a directory gets the same owner: a volume on a server may give all that root, or
 * everybody, makes to one user (`root_squash`).
 */
function isMadeAs(path: string, stats: Stats): boolean {
  if (!stats.isDirectory()) return false;
  const probe = join(path, `.pictl-${randomBytes(6).toString("hex")}`);
  try {
    const file = openSync(probe, "wx", 0o600);
    try {
      // Not by its name, which the other one could give to a file of theirs.
      return fstatSync(file).uid === stats.uid;
    } finally {
      closeSync(file);
      unlinkSync(probe);
    }
  } catch {
    // Nothing can be made there.
    return false;
  }
}

function statsOf(path: string, look: typeof lstatSync | typeof statSync): Stats | undefined {
  try {
    return look(path, { throwIfNoEntry: false });
  } catch {
    // In a directory that may not be entered, or a circle of links: whoever opens it says so.
    return undefined;
  }
}

function refusal(path: string, { uid, gid, mode }: Stats, what: string, command: string): PictlError {
  const octal = (mode & 0o7777).toString(8);
  return new PictlError(
    "UNSAFE_DIRECTORY",
    `${path} ${what}, and pictl would obey what is in it (owner ${uid}, group ${gid}, mode ${octal}).`,
    {
      hint: `Look at what is in it, then run: ${command} '${path}'. Or set PICTL_HOME to a directory of your own.`,
      details: { path, owner: uid, group: gid, mode: octal },
    },
  );
}
