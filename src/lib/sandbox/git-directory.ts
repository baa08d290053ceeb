import { lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PictlError, systemErrorCode } from "../core/errors.ts";

/**
 * Refuses a repository in which what has to stay as it is can't be held in its place: a link is replaced as easily as
 * any file beside it, and nothing can be mounted over it.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE naming the link
 */
export function refuseLinkedGit(workspace: string): void {
  const git = join(workspace, ".git");
  for (const path of [git, join(git, "hooks"), join(git, "config"), join(git, "commondir")]) {
    if (!isLink(path)) continue;
    throw new PictlError("SANDBOX_UNAVAILABLE", `A sandbox can't protect ${path}: it is a symbolic link.`, {
      hint: "Put what it leads to in its place; hooks can be kept elsewhere with `git config core.hooksPath`.",
      details: { path },
    });
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch {
    // Below a file that is called .git: a worktree's, which is protected itself.
    return false;
  }
}

/**
 * Whoever may write in a repository's `.git` could add `commondir`, by which git outside takes its configuration and
 * hooks from another place, such as one made in the workspace: what protects `.git/config` would be evaded. A file can
 * only be held read-only when it is there, so that one is made that says what holds anyway: this directory itself.
 * Source: gitrepository-layout(5). It stays, since two sandboxes may be in one repository at the same time.
 */
export function keepCommonDirectory(workspace: string): void {
  const git = join(workspace, ".git");
  if (!lstatSync(git, { throwIfNoEntry: false })?.isDirectory()) return;
  if (lstatSync(join(git, "HEAD"), { throwIfNoEntry: false }) === undefined) return;
  try {
    writeFileSync(join(git, "commondir"), ".\n", { flag: "wx", mode: 0o444 });
  } catch (error) {
    // It is there already, or nobody may write there: the sandbox can't either.
    if (!["EEXIST", "EACCES", "EROFS", "EPERM"].includes(systemErrorCode(error) ?? "")) throw error;
  }
}
