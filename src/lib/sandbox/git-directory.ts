import { lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../core/errors.ts";

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
