import { closeSync, type Dirent, fchmodSync, lstatSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { inAgentDirectory } from "../core/agent-file.ts";
import { contains } from "../core/contains.ts";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { realPath } from "../core/real-path.ts";
import { heldGit, isWrittenGit, KEPT_EMPTY_GIT, RESERVED_GIT, UNLINKED_GIT } from "./held-git.ts";
import { coreWorktree, gitInside, type OutsideGit } from "./outside-git.ts";
import { refuseClosed } from "./planted-links.ts";

/** Each is looked at when a sandbox starts, and costs a millisecond of mounts. */
const MAX_DIRECTORIES = 32;
/** How much of `.git/modules` is looked through for them. */
const MAX_ENTRIES = 1_000;

/** What a file isn't made for: it is there, it can't be, or its directory isn't any more. */
const MADE_OR_CLOSED = ["EEXIST", "EACCES", "EROFS", "EPERM", "ELOOP", "ENOENT", "ENOTDIR"];

/** What is made in that which a repository keeps of a linked worktree: git itself makes the other files there. */
const MADE_IN_WORKTREE = heldGit("worktree").filter(
  (name) => name === "config.worktree" || isWrittenGit(name),
);

/** What of git directories is held in its place. */
export interface HeldGit {
  /** Read-only, save what {@link isWrittenGit} says. */
  held: string[];
  /** Directories below those that are opened again, since git has to write there. */
  reopened: string[];
}

/**
 * Refuses a repository in which what has to stay as it is can't be held in its place: a link is replaced as easily as
 * any file beside it, and nothing can be mounted over it.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE naming the link
 */
export function refuseLinkedGit(workspace: string): void {
  const directories = ownGit(workspace);
  const held = directories.flatMap((git) => UNLINKED_GIT.map((name) => join(git, name)));
  for (const path of [join(workspace, ".git"), ...held]) {
    if (!isLink(path)) continue;
    throw new PictlError("SANDBOX_UNAVAILABLE", `A sandbox can't protect ${path}: it is a symbolic link.`, {
      hint: "Put what it leads to in its place; hooks can be kept elsewhere with `git config core.hooksPath`.",
      details: { path },
    });
  }
}

/**
 * What of a workspace's repository has to be held, because git outside would run or obey it, or write or delete where a
 * link in its place leads: hooks, remotes and configuration of the repository and of its submodules, and what leads from
 * it to its linked worktrees. Of what isn't there only what {@link keepGitFiles} makes, and {@link KEPT_EMPTY_GIT}.
 */
export function gitPaths(workspace: string): HeldGit {
  const git = join(workspace, ".git");
  const stats = lstat(git);
  if (stats === undefined) return { held: [], reopened: [] };
  const pointer = stats.isDirectory() ? [] : [git];
  const all = ownGit(workspace).map(heldPaths);
  return {
    held: [...pointer, ...all.flatMap(({ held }) => held)],
    reopened: all.flatMap(({ reopened }) => reopened),
  };
}

/**
 * Whether something of git directories came into being after a sandbox was made, so that it isn't held in it: a
 * repository, a submodule.
 *
 * @param points what is mounted in the sandbox
 */
export function isUnheld({ held }: HeldGit, points: ReadonlySet<string>): boolean {
  const isHeld = (path: string) =>
    points.has(path) || held.some((other) => points.has(other) && other !== path && contains(other, path));
  return held.some((path) => lstat(path) !== undefined && !isHeld(path));
}

/** The workspace's own git directories that lie in it: `.git`, or those to which a `.git` file leads. */
function ownGit(workspace: string): string[] {
  const git = join(workspace, ".git");
  return lstat(git)?.isDirectory() ? [git] : gitInside(workspace);
}

function heldPaths(git: string): HeldGit {
  const { repositories, worktrees, whole } = gitDirectories(git);
  return {
    held: [
      ...whole,
      ...repositories.flatMap(repositoryPaths),
      ...worktrees.flatMap(worktreePaths),
      ...repositories.flatMap(pointerTo),
    ],
    reopened: worktrees,
  };
}

/** The `.git` file of a submodule: `git status` of the repository around it follows that, and obeys what it finds. */
function pointerTo(repository: string): string[] {
  const worktree = coreWorktree(repository);
  const pointer = worktree === undefined ? undefined : join(resolve(repository, worktree), ".git");
  return pointer !== undefined && lstat(pointer)?.isFile() && realPath(pointer) === pointer ? [pointer] : [];
}

/**
 * The same for a git directory outside of the workspace. Other worktrees, and the submodules of the main one, aren't
 * this workspace's, so they are read-only as a whole.
 */
export function outsideGitPaths({ gitDir, commonDir }: OutsideGit): HeldGit {
  const isWorktree = gitDir !== commonDir;
  const modules = submodules(join(gitDir, "modules"));
  return {
    held: [
      ...repositoryPaths(commonDir),
      ...there(commonDir, heldGit("outside")),
      // Of the main worktree, which is no repository any more when it is broken. Its index isn't held: git replaces it
      // with each `git add` outside, which takes the mount away.
      ...(isWorktree ? there(commonDir, ["HEAD"]) : []),
      ...(isWorktree || modules === undefined
        ? there(commonDir, ["modules"])
        : modules.flatMap(repositoryPaths)),
      ...(isWorktree
        ? [
            ...worktreePaths(gitDir),
            ...(modules === undefined ? there(gitDir, ["modules"]) : modules.flatMap(repositoryPaths)),
          ]
        : []),
    ],
    reopened: isWorktree ? [gitDir] : [],
  };
}

function repositoryPaths(path: string): string[] {
  // What is reserved is made in a repository.
  const isMade = (name: string) =>
    KEPT_EMPTY_GIT.includes(name) ||
    ((Object.hasOwn(RESERVED_GIT, name) || isWrittenGit(name)) && isRepository(path));
  return heldGit("repository").flatMap((name) =>
    isMade(name) ? namesIn(path, [name]) : there(path, [name]),
  );
}

function worktreePaths(path: string): string[] {
  return heldGit("worktree").flatMap((name) =>
    MADE_IN_WORKTREE.includes(name) ? namesIn(path, [name]) : there(path, [name]),
  );
}

/**
 * Whoever may write in a repository's `.git` could add `commondir`, by which git outside takes its configuration and
 * hooks from another place, such as one made in the workspace, or `config.worktree`: what protects `.git/config` would
 * be evaded. A file can only be held when it is there, so that those are made, and say what holds anyway; and so are
 * those that git writes in their place, empty. Source: gitrepository-layout(5). They stay, since two sandboxes may be in
 * one repository at the same time.
 */
export function keepGitFiles(workspace: string, outside?: OutsideGit): void {
  if (outside !== undefined) {
    const modules = submodules(join(outside.gitDir, "modules")) ?? [];
    keepFiles(
      outside.commonDir,
      [outside.commonDir, ...modules],
      outside.gitDir === outside.commonDir ? [] : [outside.gitDir],
    );
    return;
  }
  for (const git of ownGit(workspace)) {
    const { repositories, worktrees } = gitDirectories(git);
    keepFiles(workspace, repositories, worktrees);
  }
}

function keepFiles(below: string, repositories: readonly string[], worktrees: readonly string[]): void {
  const made = heldGit("repository").filter(
    (name) => Object.hasOwn(RESERVED_GIT, name) || isWrittenGit(name),
  );
  for (const path of repositories.filter(isRepository)) make(below, path, made);
  for (const path of worktrees) make(below, path, MADE_IN_WORKTREE);
}

/** An agent may exchange the directory, or the file that was just made: neither is followed. */
function make(below: string, directory: string, names: readonly string[]): void {
  for (const name of names) {
    const text = isWrittenGit(name) ? undefined : RESERVED_GIT[name];
    try {
      inAgentDirectory(directory, { below }, (held) => {
        const file = openSync(join(held, name), "wx", text === undefined ? 0o666 : 0o444);
        try {
          if (text === undefined) return;
          writeFileSync(file, text);
          // Whatever the umask is: in a repository that users share, git of another user reads it too.
          fchmodSync(file, 0o444);
        } finally {
          closeSync(file);
        }
      });
    } catch (error) {
      refuseClosed(directory, error);
      // It is there already, or only others may write there: the sandbox can't either. What was exchanged isn't mounted.
      if (!MADE_OR_CLOSED.includes(systemErrorCode(error) ?? "")) throw error;
    }
  }
}

/**
 * @returns the repository and those of its submodules (also of those that a linked worktree has), what git keeps of linked
 *   worktrees, and the directories in which there are too many of them, or links: they are to be held as a whole
 */
function gitDirectories(git: string): { repositories: string[]; worktrees: string[]; whole: string[] } {
  const modules = modulesIn(git);
  const repositories = [git, ...modules.found];
  const worktrees = repositories.flatMap(worktreesOf);
  const ofWorktrees = worktrees.map(modulesIn);
  return {
    repositories: [...repositories, ...ofWorktrees.flatMap(({ found }) => found)],
    worktrees,
    whole: [modules, ...ofWorktrees].flatMap(({ whole }) => whole),
  };
}

function modulesIn(git: string): { found: string[]; whole: string[] } {
  const found = submodules(join(git, "modules"));
  return found === undefined ? { found: [], whole: [join(git, "modules")] } : { found, whole: [] };
}

/** What a repository keeps of its linked worktrees; none where there are too many of them, or links. */
function worktreesOf(repository: string): string[] {
  const directory = join(repository, "worktrees");
  const all = entries(directory);
  const trees = all.filter((entry) => entry.isDirectory());
  // A mount on a link would show what the link leads to.
  const hasLinks = all.some(
    (entry) =>
      entry.isSymbolicLink() || heldGit("worktree").some((name) => isLink(join(directory, entry.name, name))),
  );
  return hasLinks || trees.length > MAX_DIRECTORIES ? [] : trees.map(({ name }) => join(directory, name));
}

/** A submodule is named as its path was, so that it may lie deeper, and can have submodules itself. */
function submodules(root: string): string[] | undefined {
  const found: string[] = [];
  let looked = 0;
  for (const waiting = [root]; waiting.length > 0; ) {
    const directory = waiting.pop() ?? root;
    for (const entry of entries(directory)) {
      const path = join(directory, entry.name);
      looked += 1;
      if (entry.isSymbolicLink() || looked > MAX_ENTRIES) return undefined;
      if (!entry.isDirectory()) continue;
      if (!isRepository(path)) waiting.push(path);
      else {
        if (UNLINKED_GIT.some((name) => isLink(join(path, name)))) return undefined;
        found.push(path);
        waiting.push(join(path, "modules"));
      }
      if (found.length > MAX_DIRECTORIES) return undefined;
    }
  }
  return found;
}

/** `HEAD` alone doesn't tell: an agent may take it away, and would have the rest of a submodule at the next start. */
function isRepository(directory: string): boolean {
  return lstat(join(directory, "HEAD")) !== undefined || lstat(join(directory, "config"))?.isFile() === true;
}

function there(directory: string, names: readonly string[]): string[] {
  return namesIn(directory, names).filter((path) => lstat(path) !== undefined);
}

function namesIn(directory: string, names: readonly string[]): string[] {
  return names.map((name) => join(directory, name));
}

function entries(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    refuseClosed(directory, error);
    // None there, or none that the sandbox could see either.
    return [];
  }
}

function isLink(path: string): boolean {
  return lstat(path)?.isSymbolicLink() === true;
}

function lstat(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    refuseClosed(path, error);
    // Below a file that is called .git: a worktree's, which is protected itself.
    return undefined;
  }
}
