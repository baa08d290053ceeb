import { lstatSync, type Stats } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { readAgentFile } from "../core/agent-file.ts";
import { contains } from "../core/contains.ts";
import { realPath } from "../core/real-path.ts";
import { userId } from "../core/user.ts";
import { heldGit, UNLINKED_OUTSIDE_GIT } from "./held-git.ts";
import { OWN_PLACES } from "./policy/roots.ts";

/** A pointer of git's is one path, and a submodule's configuration some lines. */
const MAX_BYTES = 64 * 1024;

/** The git directory of a workspace that is a linked worktree or a submodule. Real paths. */
export interface OutsideGit {
  /** Where the workspace's own HEAD and index are. */
  gitDir: string;
  /** Where the objects, the branches and the configuration are; `gitDir` itself for a submodule. */
  commonDir: string;
}

/** Why a git directory isn't opened. */
export interface RefusedGit {
  /** Where the workspace's `.git` file leads. */
  gitDir: string;
  /** The end of a sentence: "it isn't opened, because …". */
  refused: string;
}

/**
 * Where the `.git` file of a workspace leads. An agent may have written that file, or what it leads to. So it is
 * believed only when the other side names it too, which only somebody who may write there can do: `gitdir` of a
 * worktree, `core.worktree` of a submodule. Everything on the way has to be a real file or directory of the user's.
 * Source: gitrepository-layout(5), gitsubmodules(7).
 *
 * @param workspace a real path
 * @param kept what may not be opened, as real paths: the home as a whole, and what the policy denies
 * @returns undefined where there is no `.git` file, or where it leads into the workspace
 */
export function findOutsideGit(
  workspace: string,
  { home, denied }: { home: string; denied: readonly string[] },
): OutsideGit | RefusedGit | undefined {
  const pointer = join(workspace, ".git");
  if (look(pointer)?.isFile() !== true || gitInside(workspace).length > 0) return undefined;
  const gitDir = pointedGit(workspace);
  if (gitDir === undefined)
    return { gitDir: pointer, refused: "it is no pointer to a git directory of yours" };
  const refused = (reason: string): RefusedGit => ({ gitDir, refused: reason });
  if (!isOwnDirectory(gitDir)) return refused("it is no directory of yours, or a symbolic link leads to it");
  const link = readOwn(join(gitDir, "commondir"))?.trimEnd();
  const isWorktree = link !== undefined && link !== ".";
  const commonDir = isWorktree ? resolve(gitDir, link) : gitDir;
  if (isWorktree && commonDir !== dirname(dirname(gitDir)))
    return refused("its commondir doesn't lead to the repository that it is in");
  if (isWorktree ? basename(dirname(gitDir)) !== "worktrees" : !/\/modules\/./.test(gitDir))
    return refused("it is neither a linked worktree's nor a submodule's");
  const back = isWorktree ? readOwn(join(gitDir, "gitdir"))?.trimEnd() : coreWorktree(gitDir);
  if (back === undefined || resolve(gitDir, back) !== (isWorktree ? pointer : workspace))
    return refused(
      `its ${isWorktree ? "gitdir" : "core.worktree"} names ${back ?? "nothing"}, and not this workspace`,
    );
  if (!isOwnDirectory(commonDir))
    return refused("a symbolic link leads to its repository, or it isn't yours");
  const parts = ["objects", "refs"].every((name) => isOwnDirectory(join(commonDir, name)));
  if (!parts || readOwn(join(commonDir, "HEAD")) === undefined) return refused("it belongs to no repository");
  // All that is mounted to be held: a mount on a link would show what the link leads to.
  const held = [
    ...UNLINKED_OUTSIDE_GIT.map((name) => join(commonDir, name)),
    ...["modules", ...heldGit("worktree")].map((name) => join(gitDir, name)),
  ];
  const linked = held.find((path) => look(path)?.isSymbolicLink());
  if (linked !== undefined) return refused(`${linked} is a symbolic link, which can't be held in its place`);
  if (contains(commonDir, workspace)) return refused("the workspace lies inside it");
  if (contains(commonDir, home)) return refused("the home lies inside it");
  const place = [...denied, ...OWN_PLACES.filter((own) => !own.endsWith("tmp"))].find((each) =>
    contains(each, commonDir),
  );
  if (place !== undefined) return refused(`the policy keeps ${place} from the sandbox`);
  return { gitDir, commonDir };
}

/**
 * The git directory of a workspace whose `.git` is a file, and the one that this shares with others, where they lie in
 * the workspace: `./.bare`, or one that was made with `--separate-git-dir`. Real paths; empty where a link is on the way.
 */
export function gitInside(workspace: string): string[] {
  const gitDir = pointedGit(workspace);
  const isInside = (path: string) => contains(workspace, path) && isOwnDirectory(path);
  if (gitDir === undefined || !isInside(gitDir)) return [];
  const commonDir = resolve(gitDir, readOwn(join(gitDir, "commondir"))?.trimEnd() ?? ".");
  return [...new Set([gitDir, commonDir])].filter(isInside);
}

/** Where a workspace's `.git` file leads. */
function pointedGit(workspace: string): string | undefined {
  const named = /^gitdir: ([^\n\0]+)\n?$/.exec(readOwn(join(workspace, ".git")) ?? "")?.[1];
  return named === undefined ? undefined : resolve(workspace, named);
}

/** What can be written beside the workspace for its git directory. */
export function writableGit(found: OutsideGit | RefusedGit | undefined): string[] {
  return found === undefined || "refused" in found ? [] : [found.commonDir];
}

/** The value in a submodule's own configuration; `git` itself isn't asked, since it would obey that file. */
export function coreWorktree(gitDir: string): string | undefined {
  let section = "";
  let value: string | undefined;
  for (const line of readOwn(join(gitDir, "config"))?.split("\n") ?? []) {
    section = /^\s*\[([^\]]*)\]/.exec(line)?.[1]?.trim().toLowerCase() ?? section;
    const found = section === "core" ? /^\s*worktree\s*=\s*(.*?)\s*$/i.exec(line)?.[1] : undefined;
    if (found !== undefined) value = found;
  }
  return value?.replace(/^"(.*)"$/, "$1").replace(/\\(["\\])/g, "$1");
}

/** The text of a regular file of the user's; undefined for anything else. Follows no link and never waits. */
function readOwn(path: string): string | undefined {
  try {
    return readAgentFile(path, { maxBytes: MAX_BYTES, owner: userId() }).toString("utf8");
  } catch {
    // Not there, a link, or not to be read.
    return undefined;
  }
}

function isOwnDirectory(path: string): boolean {
  const stats = look(path);
  return stats?.isDirectory() === true && stats.uid === userId() && realPath(path) === path;
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // Below a file, or a directory that may not be entered.
    return undefined;
  }
}
