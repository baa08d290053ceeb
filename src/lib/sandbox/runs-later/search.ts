import {
  closeSync,
  type Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  readdirSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { isUnfit, readAgentFile } from "../../core/agent-file.ts";
import { contains } from "../../core/contains.ts";
import { systemErrorCode } from "../../core/errors.ts";
import { sha256 } from "../../core/sha256.ts";
import { userId } from "../../core/user.ts";
import { GIT_ENTRIES, type GitEntry } from "./catalogue.ts";
import {
  key,
  type LaterFile,
  type LeftOut,
  SEARCH_LIMITS,
  type SearchLimits,
  type SearchOptions,
} from "./found.ts";
import { configuredPlaces, configuredWorktree } from "./git-config.ts";
import { hiddenFromGit, MAX_INDEX_BYTES } from "./hidden-from-git.ts";
import { Matcher, type Reason } from "./matcher.ts";
import { entryPath, openDirectoryIn, openRealDirectory, withDirectoryBelow } from "./open-below.ts";
import { resolveBelow } from "./resolve-below.ts";

/** A text that is longer is compared by its hash, and no difference is shown. */
const MAX_TEXT_BYTES = 256 * 1024;
/** A file that is longer is compared by its size and the time of its last change: a sparse one has any size. */
export const MAX_HASHED_BYTES = 8 * 1024 * 1024;
/** Directories that are open at a time, one in the other or where a link leads: descriptors of the daemon. */
const MAX_OPEN = 96;
/** A directory of more bytes is read in parts: all at once would stop the daemon meanwhile. */
const MAX_WHOLE_DIRECTORY_BYTES = 64 * 1024;
const ENTRIES_AT_ONCE = 512;
/** What wasn't looked at is named as often. */
const MAX_LEFT_OUT = 100;

/** Directories of a git directory where links are looked for. */
const GIT_STORES = new Set(["objects", "refs", "logs", "lfs"]);
const POINTER: Reason = {
  kind: "git",
  because: "git takes the configuration and the hooks of the repository to which it leads",
};
/** Below the git directory: their subdirectories hold too many files, which git names by their content and never writes again. */
const OBJECT_STORES = new Set(["objects", "lfs/objects", "annex/objects"]);
const GIT_LINK: Reason = {
  kind: "git-link",
  because: "git writes and deletes through it: a commit, a checkout or `git gc` may change what it leads to",
};
/** git-remote-hg has repositories of Mercurial in a git directory. */
const MERCURIAL = ".hg";
/** The kind of a record of files that a git index hides: a line of JSON for each. */
export const GIT_HIDDEN = "git-hidden";
/** The kind of a link that leads out of the workspace, and is nothing else that is listed. */
export const LINK_OUT = "link";
/** Links that lead out and are listed; the others are counted, so that they leave room for what is run. */
const MAX_LINKS_OUT = 1_000;
/** Refs that replace objects by others, with the hash before each. */
const REPLACED_OBJECTS = /^[0-9a-f]+ refs\/replace\/.*\n/gm;
/** After the key of a git directory that was looked at as the common one of another. */
const COMMON = " ";
/** The kind of a link in the place of a directory that is never looked into. */
const INSTALLED = "installed";
const UNFOLLOWED = "git reads it through a link, which isn't followed";
const REPLACED: Reason = {
  kind: "git",
  because: "git shows and checks out the objects that it names in the place of others",
};
const HIDDEN: Reason = { kind: GIT_HIDDEN, because: "it says which files git doesn't look at" };
const SET_ID: Reason = { kind: "set-id", because: "whoever runs it does so as its owner or its group" };

/** Looks for all that the catalogue names. Each step of {@link run} is short, so that others get a turn in between. */
export class LaterSearch {
  readonly files = new Map<string, LaterFile>();
  readonly leftOut: LeftOut[] = [];
  readonly #options: SearchOptions;
  readonly #limits: SearchLimits;
  readonly #matcher = new Matcher();
  /** Git directories that were looked through, by their keys. */
  readonly #gits = new Set<string>();
  /** Of the directories that links have led to. */
  readonly #followed = new Set<string>();
  #linksOut = 0;
  #linksOutMore = 0;
  #open = 0;
  #entries = 0;
  #textBytes = 0;
  #root = 0;
  #rootFd = -1;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#limits = options.limits ?? SEARCH_LIMITS;
  }

  *run(): Generator<void, void> {
    for (const [index, root] of this.#options.roots.entries()) {
      this.#root = index;
      try {
        this.#rootFd = openRealDirectory(root);
      } catch (error) {
        this.leaveOut([], `it is no directory in its place any more (${systemErrorCode(error)})`);
        continue;
      }
      try {
        // The others are git directories outside of the workspace.
        yield* index === 0 ? this.#directory(this.#rootFd, [], undefined) : this.#git(this.#rootFd, []);
      } finally {
        closeSync(this.#rootFd);
      }
      if (index > 0 || this.#linksOutMore === 0) continue;
      const because = `links that lead out of the workspace; ${MAX_LINKS_OUT} are listed`;
      this.leaveOut([], because, { changed: this.#linksOutMore, isBound: true });
    }
  }

  /** Says that something wasn't looked at. */
  leaveOut(names: readonly string[], because: string, more: Pick<LeftOut, "changed" | "isBound"> = {}): void {
    const root = this.#root;
    const path = names.join("/");
    // A git directory may be come upon twice.
    if (this.leftOut.some((one) => one.root === root && one.path === path && one.because === because)) return;
    if (this.leftOut.length < MAX_LEFT_OUT) this.leftOut.push({ root, path, because, ...more });
    else if (this.leftOut.length === MAX_LEFT_OUT)
      this.leftOut.push({ root, path: "", because: "more was left out than is listed", isBound: true });
  }

  /** @param reason of a directory in which all is listed */
  *#directory(fd: number, names: readonly string[], reason: Reason | undefined): Generator<void, void> {
    yield;
    const stats = fstatSync(fd);
    // A root, and `.git` in it, are mounts, which an agent can't rename.
    if (names.length > 0 && this.#isTooNew(stats, names)) return;
    const entries = yield* this.#list(fd, stats, names);
    const has = new Set(entries.map(({ name }) => name));
    const isRepository = has.has("HEAD") && ((has.has("objects") && has.has("refs")) || has.has("commondir"));
    // Its directories are looked into like all others: who makes a `HEAD` beside its `modules` hides nothing.
    if (isRepository && !this.#gits.has(key(this.#root, names.join("/"))))
      yield* this.#git(fd, names, GIT_STORES);
    for (const entry of entries) {
      const { name } = entry;
      const tooMuch = this.#matcher.notListed(names, name);
      if (!entry.isDirectory()) yield* this.#entry(fd, names, entry, reason);
      else if (name === ".git") yield* this.#below(fd, names, name, (below, path) => this.#git(below, path));
      else if (tooMuch !== undefined) yield* this.#count(fd, names, name, tooMuch);
      else {
        const all = reason ?? this.#matcher.tree(names, name);
        yield* this.#below(fd, names, name, (below, path) => this.#directory(below, path, all));
      }
    }
  }

  *#entry(
    fd: number,
    names: readonly string[],
    entry: Dirent,
    tree: Reason | undefined,
  ): Generator<void, void> {
    const { name } = entry;
    const reason =
      name === ".git"
        ? POINTER
        : (tree ??
          this.#matcher.file(names, name) ??
          (entry.isSymbolicLink() ? this.#linkReason(names, name) : undefined));
    if (reason !== undefined) yield* this.#record(fd, names, name, reason);
    else if (entry.isSymbolicLink()) yield* this.#link(fd, names, name, 1);
    else if (this.#options.since !== undefined && entry.isFile()) this.#lookForSetId(fd, names, name);
  }

  /** Why a link in the place of a directory is listed. */
  #linkReason(names: readonly string[], name: string): Reason | undefined {
    const because = this.#matcher.notListed(names, name);
    return because === undefined ? this.#matcher.tree(names, name) : { kind: INSTALLED, because };
  }

  /**
   * A link that isn't listed by its name: whether it leads out of the workspace, and what is listed behind it.
   *
   * @param least how many names a pattern has to have before that of an entry there, so that the link's is one of them
   */
  *#link(fd: number, names: readonly string[], name: string, least: number): Generator<void, void> {
    const path = [...names, name];
    // One in a git directory.
    if (this.files.has(key(this.#root, path.join("/")))) return;
    const stats = this.#lstat(fd, names, name);
    if (stats === undefined || this.#isTooNew(stats, path)) return;
    const way = this.#matcher.way(names, name, least - 1);
    try {
      const inside = yield* this.#resolve(names, readlinkSync(entryPath(fd, name)));
      if (inside === undefined) yield* this.#linkOut(fd, names, name, way);
      else if (this.#isNotLookedInto(inside)) yield* this.#follow(inside, path, undefined);
      else if (way !== undefined)
        yield* withDirectoryBelow(this.#rootFd, inside, (below) => this.#beyondLink(below, path, least));
    } catch (error) {
      // Nothing lies below a file.
      if (systemErrorCode(error) !== "ENOTDIR") this.#unreadable(path, error);
    }
  }

  /** @param reason why it is listed anyway */
  *#linkOut(fd: number, names: readonly string[], name: string, reason?: Reason): Generator<void, void> {
    if (reason === undefined && this.#linksOut === MAX_LINKS_OUT) {
      this.#linksOutMore += 1;
      return;
    }
    if (reason === undefined) this.#linksOut += 1;
    const path = this.#pathOf(names, readlinkSync(entryPath(fd, name)));
    const because = `it leads out of the workspace: what writes to it outside of the sandbox writes to ${path}`;
    yield* this.#record(fd, names, name, reason ?? { kind: LINK_OUT, because });
  }

  /** What a text says that leads somewhere from a directory, with no link looked at. */
  #pathOf(names: readonly string[], target: string): string {
    return isAbsolute(target)
      ? normalize(target)
      : join(this.#options.roots[this.#root] ?? "/", ...names, target);
  }

  #isNotLookedInto(names: readonly string[]): boolean {
    return names.some((name, index) => this.#matcher.notListed(names.slice(0, index), name) !== undefined);
  }

  /** What of a directory is listed by the name of a link that leads there. */
  *#beyondLink(fd: number, names: readonly string[], least: number): Generator<void, void> {
    yield;
    const stats = fstatSync(fd);
    if (this.#isTooNew(stats, names)) return;
    for (const entry of yield* this.#list(fd, stats, names)) {
      const { name } = entry;
      const tree = this.#matcher.tree(names, name, least);
      if (entry.isDirectory()) {
        const tooMuch = this.#matcher.notListed(names, name, least);
        if (tooMuch !== undefined) yield* this.#count(fd, names, name, tooMuch);
        else if (tree !== undefined)
          yield* this.#below(fd, names, name, (below, path) => this.#directory(below, path, tree));
        else if (this.#matcher.way(names, name, least) !== undefined)
          yield* this.#below(fd, names, name, (below, path) => this.#beyondLink(below, path, least + 1));
        continue;
      }
      const isLink = entry.isSymbolicLink();
      const reason = this.#matcher.file(names, name, least) ?? (isLink ? tree : undefined);
      if (reason !== undefined) yield* this.#record(fd, names, name, reason);
      else if (isLink && this.#matcher.way(names, name, least) !== undefined)
        yield* this.#link(fd, names, name, least + 1);
    }
  }

  /**
   * What of a git directory is run or obeyed, and links by which git would write elsewhere.
   *
   * @param stores where links are looked for, where other directories in it aren't git's
   * @param isCommon whether another one takes its configuration from there: git goes on to no third one
   */
  *#git(
    fd: number,
    names: readonly string[],
    stores?: ReadonlySet<string>,
    isCommon = false,
  ): Generator<void, void> {
    yield;
    this.#gits.add(`${key(this.#root, names.join("/"))}${isCommon ? COMMON : ""}`);
    // First, so that what is found by its name gets the reason that it has.
    yield* this.#gitLinks(fd, names, names.length, stores);
    for (const entry of GIT_ENTRIES) {
      const { name, because } = entry;
      const reason = { kind: "git", because };
      const path = name.split("/");
      const last = path.pop() ?? "";
      try {
        yield* withDirectoryBelow(fd, path, (at) =>
          this.#gitEntry(at, [...names, ...path], last, entry, reason),
        );
      } catch (error) {
        this.#unreadable([...names, name], error);
      }
    }
    yield* this.#configured(names);
    this.#replacedObjects(fd, names);
    yield* this.#hidden(fd, names);
    if (!isCommon) yield* this.#common(names);
  }

  /** Where `commondir` of a git directory leads, in the workspace: configuration and hooks are taken from there. */
  *#common(names: readonly string[]): Generator<void, void> {
    const file = this.files.get(key(this.#root, [...names, "commondir"].join("/")));
    const target = file === undefined ? undefined : this.#pointerText(file)?.trimEnd();
    const inside = file && target && (yield* this.#resolvePointer(file, names, target));
    if (!inside) return;
    const there = key(this.#root, inside.join("/"));
    if (this.#gits.has(there) || this.#gits.has(`${there}${COMMON}`)) return;
    try {
      yield* withDirectoryBelow(this.#rootFd, inside, (fd) => this.#git(fd, inside, GIT_STORES, true));
    } catch (error) {
      this.#unreadable(inside, error);
    }
  }

  /** Where a pointer of git's leads in the workspace. One that leads out is named. */
  *#resolvePointer(
    file: LaterFile,
    names: readonly string[],
    target: string,
  ): Generator<void, string[] | undefined> {
    const inside = yield* this.#resolve(names, target);
    const path = this.#pathOf(names, target);
    // A linked worktree has its git directory elsewhere, which is another root then.
    const isInRoot = this.#options.roots.some((root) => contains(root, path));
    if (inside === undefined && !isInRoot)
      this.leaveOut(file.path.split("/"), `git goes on to ${path}, which lies out of the workspace`);
    return inside;
  }

  /** What a pointer of git's says. git leaves out line ends after it, so that it may be of any length. */
  #pointerText(file: LaterFile): string | undefined {
    if (file.type === "file" && file.text === undefined)
      this.leaveOut(file.path.split("/"), "it is too long to say where it leads", { isBound: true });
    return file.text;
  }

  *#gitEntry(
    fd: number,
    names: readonly string[],
    name: string,
    { holds, isWritten }: GitEntry,
    reason: Reason,
  ): Generator<void, void> {
    const stats = this.#lstat(fd, names, name);
    // What git writes says nothing to it, and links were looked for.
    if (stats === undefined || (isWritten && (stats.isFile() || stats.isSymbolicLink()))) return;
    if (!stats.isDirectory()) yield* this.#record(fd, names, name, reason);
    else if (holds === "files")
      yield* this.#below(fd, names, name, (below, path) => this.#directory(below, path, reason));
    else if (holds !== undefined)
      yield* this.#below(fd, names, name, (below, path) => this.#repositories(below, path));
  }

  /** @param depth how many of the names lead to the git directory */
  *#gitLinks(
    fd: number,
    names: readonly string[],
    depth: number,
    stores?: ReadonlySet<string>,
  ): Generator<void, void> {
    yield;
    const path = names.slice(depth).join("/");
    for (const entry of yield* this.#list(fd, fstatSync(fd), names)) {
      const { name } = entry;
      const ofMercurial = names.at(-1) === MERCURIAL ? this.#matcher.file(names, name) : undefined;
      if (entry.isSymbolicLink()) yield* this.#record(fd, names, name, GIT_LINK);
      else if (ofMercurial !== undefined) yield* this.#record(fd, names, name, ofMercurial);
      else if (
        entry.isDirectory() &&
        (path === "" ? (stores?.has(name) ?? !isLookedThrough(name)) : !isObjects(path, name))
      )
        yield* this.#below(fd, names, name, (below, further) => this.#gitLinks(below, further, depth));
    }
  }

  /**
   * A submodule is named as its path was, so that its repository may lie deeper, also in what an agent has made to look
   * like one.
   *
   * @param isRepository whether the directory looks like one, whose links and own directories have been looked at
   */
  *#repositories(fd: number, names: readonly string[], isRepository = false): Generator<void, void> {
    for (const entry of yield* this.#list(fd, fstatSync(fd), names)) {
      const { name } = entry;
      if (isRepository && (!entry.isDirectory() || GIT_STORES.has(name) || isGitEntry(name))) continue;
      if (entry.isSymbolicLink()) yield* this.#record(fd, names, name, POINTER);
      else if (entry.isDirectory())
        yield* this.#below(fd, names, name, (below, path) => this.#repository(below, path));
    }
  }

  *#repository(fd: number, names: readonly string[]): Generator<void, void> {
    const isRepository = this.#lstat(fd, names, "HEAD") !== undefined;
    if (isRepository) yield* this.#git(fd, names);
    yield* this.#repositories(fd, names, isRepository);
  }

  /** Where the configuration of a git directory looks for hooks and for more configuration, in the workspace. */
  *#configured(names: readonly string[]): Generator<void, void> {
    const worktree = names.at(-1) === ".git" ? names.slice(0, -1) : names;
    for (const file of ["config", "config.worktree"]) {
      const text = this.files.get(key(this.#root, [...names, file].join("/")))?.text ?? "";
      for (const { name, path, isHooks } of configuredPlaces(text)) {
        const inside = yield* this.#resolve(isHooks ? worktree : names, path);
        if (inside === undefined || inside.length === 0 || inside.includes(".git")) continue;
        yield* this.#follow(inside, inside, {
          kind: "git",
          because: `\`${name}\` of ${[...names, file].join("/")} names it`,
        });
      }
    }
  }

  *#record(fd: number, names: readonly string[], name: string, reason: Reason): Generator<void, void> {
    // A hook's example isn't run.
    if (reason.kind === "git" && name.endsWith(".sample")) return;
    const path = [...names, name];
    if (this.files.size >= this.#limits.files)
      return this.leaveOut(path, `more than ${this.#limits.files} files are of this kind`, { isBound: true });
    const stats = this.#lstat(fd, names, name);
    if (stats === undefined || stats.isDirectory()) return;
    const file: LaterFile = {
      ...reason,
      root: this.#root,
      path: path.join("/"),
      type: stats.isFile() ? "file" : stats.isSymbolicLink() ? "link" : "other",
      mode: stats.mode & 0o7777,
      size: stats.size,
      ctimeMs: stats.ctimeMs,
    };
    try {
      if (file.type === "file") this.#readInto(file, entryPath(fd, name));
      if (file.type === "link") file.target = readlinkSync(entryPath(fd, name));
    } catch (error) {
      // Replaced meanwhile; a file that can't be read is compared by its size and the time of its last change.
      if (systemErrorCode(error) === undefined) throw error;
    }
    const after = this.#lstat(fd, names, name);
    if (after === undefined || this.#isTooNew(after, path)) return;
    this.files.set(key(this.#root, file.path), file);
    if (file.target !== undefined && file.kind !== INSTALLED && file.kind !== GIT_LINK.kind) {
      const inside = yield* this.#resolve(names, file.target);
      if (inside !== undefined) yield* this.#follow(inside, path, reason);
    }
    if (name === ".git") yield* this.#pointed(names, file);
  }

  /** The git directory that a `.git` file leads to, where that lies in the workspace. */
  *#pointed(names: readonly string[], file: LaterFile): Generator<void, void> {
    const target = /^gitdir: (.+)/.exec(this.#pointerText(file) ?? "")?.[1];
    const inside = target && (yield* this.#resolvePointer(file, names, target.trimEnd()));
    if (!inside || inside.length === 0) return;
    try {
      yield* withDirectoryBelow(this.#rootFd, inside, (fd) => this.#git(fd, inside));
    } catch (error) {
      this.#unreadable(inside, error);
    }
  }

  /** Objects that others stand for, of which the refs are packed. */
  #replacedObjects(fd: number, names: readonly string[]): void {
    const path = [...names, "packed-refs"];
    const stats = this.#gitFile(fd, path);
    if (stats === undefined) return;
    try {
      const bytes = readAgentFile(entryPath(fd, "packed-refs"), { maxBytes: MAX_INDEX_BYTES });
      const lines = bytes.includes("refs/replace/") ? bytes.toString("utf8").match(REPLACED_OBJECTS) : null;
      if (lines !== null) this.#keepText(path, stats, REPLACED, lines.join(""));
    } catch (error) {
      this.#unfit(path, error);
    }
  }

  /** Files of which `git status` and `git diff` say nothing. */
  *#hidden(fd: number, names: readonly string[]): Generator<void, void> {
    const path = [...names, "index"];
    const stats = this.#gitFile(fd, path);
    if (stats === undefined) return;
    const worktree = this.#worktree(names);
    const workspace = this.#options.roots[0] ?? "/";
    try {
      const hidden = yield* hiddenFromGit(fd, {
        worktree: contains(workspace, worktree) ? worktree : undefined,
        since: this.#options.since,
      });
      const lines = hidden.map(({ why, name, hash }) => JSON.stringify([join(worktree, name), why, hash]));
      if (lines.length > 0) this.#keepText(path, stats, HIDDEN, `${lines.join("\n")}\n`);
    } catch (error) {
      this.#unfit(path, error);
    }
  }

  /** What stands for a file that git reads. It would follow a link. */
  #gitFile(fd: number, path: readonly string[]): Stats | undefined {
    const stats = this.#lstat(fd, path.slice(0, -1), path.at(-1) ?? "");
    if (stats?.isSymbolicLink()) this.leaveOut(path, UNFOLLOWED, { isBound: true });
    return stats?.isFile() ? stats : undefined;
  }

  /** The directory of which a git directory has the index. Source: git-config(1), `core.worktree`. */
  #worktree(names: readonly string[]): string {
    const directory = join(this.#options.roots[this.#root] ?? "/", ...names);
    const textOf = (name: string) => this.files.get(key(this.#root, [...names, name].join("/")))?.text ?? "";
    const pointer = textOf("gitdir").trimEnd();
    if (pointer !== "") return dirname(isAbsolute(pointer) ? normalize(pointer) : join(directory, pointer));
    const configured = configuredWorktree(textOf("config"));
    if (configured !== undefined)
      return isAbsolute(configured) ? normalize(configured) : join(directory, configured);
    return dirname(directory);
  }

  /** Lists a file with what was found in it as its text. */
  #keepText(path: readonly string[], { mode, size, ctimeMs }: Stats, reason: Reason, text: string): void {
    const file: LaterFile = {
      ...reason,
      root: this.#root,
      path: path.join("/"),
      type: "file",
      mode: mode & 0o7777,
      size,
      ctimeMs,
      hash: sha256(text),
    };
    const isShort = text.length <= MAX_TEXT_BYTES && this.#textBytes + text.length <= this.#limits.textBytes;
    if (isShort) {
      file.text = text;
      this.#textBytes += text.length;
    }
    if (!this.#isTooNew({ ctimeMs }, path)) this.files.set(key(this.#root, file.path), file);
  }

  /**
   * Lists what a link in the workspace leads to, under the name of the link.
   *
   * @param target without links
   * @param reason undefined: what is found by its name alone
   */
  *#follow(
    target: readonly string[],
    path: readonly string[],
    reason: Reason | undefined,
  ): Generator<void, void> {
    const name = target.at(-1);
    if (name === undefined) return;
    try {
      yield* withDirectoryBelow(this.#rootFd, target.slice(0, -1), (fd) =>
        this.#target(fd, name, path, reason),
      );
    } catch (error) {
      this.#unreadable(path, error);
    }
  }

  *#target(
    fd: number,
    name: string,
    path: readonly string[],
    reason: Reason | undefined,
  ): Generator<void, void> {
    const stats = this.#lstat(fd, path.slice(0, -1), name);
    if (stats === undefined) return;
    if (stats.isSymbolicLink()) return this.leaveOut(path, "it leads to another link");
    const file = this.files.get(key(this.#root, path.join("/")));
    if (!stats.isDirectory()) {
      if (file === undefined && reason !== undefined)
        yield* this.#record(fd, path.slice(0, -1), name, reason);
      else if (file !== undefined && stats.isFile()) this.#readTarget(file, fd, name, stats);
      return;
    }
    if (path.at(-1) === ".git") {
      yield* this.#below(fd, path.slice(0, -1), name, (below) => this.#git(below, path));
      return;
    }
    const id = `${stats.dev}:${stats.ino}`;
    if (this.#followed.has(id)) return;
    this.#followed.add(id);
    yield* this.#below(fd, path.slice(0, -1), name, (below) => this.#directory(below, path, reason));
  }

  /** What a link leads to counts as its content. */
  #readTarget(file: LaterFile, fd: number, name: string, { size, ctimeMs }: Stats): void {
    Object.assign(file, { size, ctimeMs });
    try {
      this.#readInto(file, entryPath(fd, name));
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
    }
    const after = this.#lstat(fd, [], name);
    if (after === undefined || this.#isTooNew(after, file.path.split("/")))
      this.files.delete(key(file.root, file.path));
  }

  /** The content of a regular file, as far as it is kept. Throws what {@link readAgentFile} throws. */
  #readInto(file: LaterFile, path: string): void {
    const bytes = readAgentFile(path, { maxBytes: MAX_HASHED_BYTES });
    file.hash = sha256(bytes);
    if (bytes.length > MAX_TEXT_BYTES || this.#textBytes + bytes.length > this.#limits.textBytes) return;
    const text = bytes.toString("utf8");
    if (text.includes("\u0000") || text.includes("\ufffd")) return;
    file.text = text;
    this.#textBytes += bytes.length;
  }

  /** The names below the root to which a link, a pointer or a configuration leads, where it leads there. */
  *#resolve(names: readonly string[], target: string): Generator<void, string[] | undefined> {
    const root = { fd: this.#rootFd, path: this.#options.roots[this.#root] ?? "/" };
    return yield* resolveBelow(root, isAbsolute(target) ? target : [...names, target].join("/"));
  }

  #lookForSetId(fd: number, names: readonly string[], name: string): void {
    const stats = this.#lstat(fd, names, name);
    if (stats === undefined || !stats.isFile() || (stats.mode & 0o6000) === 0) return;
    if (stats.ctimeMs < (this.#options.since ?? 0)) return;
    const path = [...names, name].join("/");
    const { mode, size, ctimeMs } = stats;
    this.files.set(key(this.#root, path), {
      ...SET_ID,
      root: this.#root,
      path,
      type: "file",
      mode: mode & 0o7777,
      size,
      ctimeMs,
    });
  }

  /** Counts what has changed since the baseline in a directory that is never looked into. */
  *#count(fd: number, names: readonly string[], name: string, because: string): Generator<void, void> {
    const { since } = this.#options;
    if (since === undefined) return;
    let changed = 0;
    const count = function* (
      this: LaterSearch,
      below: number,
      path: readonly string[],
    ): Generator<void, void> {
      yield;
      if (fstatSync(below).ctimeMs >= since) changed += 1;
      for (const entry of yield* this.#list(below, fstatSync(below), path)) {
        if (entry.isDirectory()) yield* this.#below(below, path, entry.name, count.bind(this));
        else if ((this.#lstat(below, path, entry.name)?.ctimeMs ?? 0) >= since) {
          changed += 1;
          if (entry.isSymbolicLink()) yield* this.#newLink(below, path, entry.name);
        }
      }
    };
    yield* this.#below(fd, names, name, count.bind(this));
    if (changed > 0) this.leaveOut([...names, name], because, { changed });
  }

  /** Lists a link that leads out of the workspace from what is never looked into. */
  *#newLink(fd: number, names: readonly string[], name: string): Generator<void, void> {
    try {
      const inside = yield* this.#resolve(names, readlinkSync(entryPath(fd, name)));
      if (inside === undefined) yield* this.#linkOut(fd, names, name);
    } catch (error) {
      this.#unreadable([...names, name], error);
    }
  }

  /** Runs `use` with a directory, where that can be opened. */
  *#below(
    fd: number,
    names: readonly string[],
    name: string,
    use: (below: number, path: readonly string[]) => Generator<void, void>,
  ): Generator<void, void> {
    const path = [...names, name];
    if (this.#open >= MAX_OPEN)
      return this.leaveOut(path, `it lies more than ${MAX_OPEN} directories deep`, { isBound: true });
    let below: number;
    try {
      below = openDirectoryIn(fd, name);
    } catch (error) {
      this.#unreadable(path, error, this.#lstat(fd, names, name));
      return;
    }
    this.#open += 1;
    try {
      yield* use(below, path);
    } finally {
      this.#open -= 1;
      closeSync(below);
    }
  }

  *#list(fd: number, { size }: Stats, names: readonly string[]): Generator<void, Dirent[]> {
    const left = this.#limits.entries - this.#entries;
    const path = `/proc/self/fd/${fd}`;
    let entries: Dirent[] = [];
    try {
      if (size <= MAX_WHOLE_DIRECTORY_BYTES) entries = readdirSync(path, { withFileTypes: true });
      else {
        const directory = opendirSync(path, { bufferSize: ENTRIES_AT_ONCE });
        try {
          for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
            entries.push(entry);
            if (entries.length > left) break;
            if (entries.length % ENTRIES_AT_ONCE === 0) yield;
          }
        } finally {
          directory.closeSync();
        }
      }
    } catch (error) {
      this.#unreadable(names, error);
    }
    this.#entries += entries.length;
    if (entries.length > left) {
      this.leaveOut(names, `there are more than ${this.#limits.entries} files and directories`, {
        isBound: true,
      });
      entries = entries.slice(0, Math.max(0, left));
    }
    // Node has put a character of its own into such a name, by which nothing is found.
    const named = entries.filter(({ name }) => !name.includes("\ufffd"));
    if (named.length < entries.length)
      this.leaveOut(names, "it has entries whose names aren't UTF-8, which can be renamed or removed", {
        isBound: true,
      });
    // Which of two links to one directory is followed must not depend on their order in the file system.
    return named.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** What stands there; undefined for nothing. A directory that may be listed and not entered is left out. */
  #lstat(fd: number, names: readonly string[], name: string): Stats | undefined {
    try {
      return lstatSync(entryPath(fd, name), { throwIfNoEntry: false });
    } catch (error) {
      this.#unreadable([...names, name], error, fstatSync(fd));
      return undefined;
    }
  }

  /**
   * Leaves out what the file system doesn't let be read. What is gone needs no word.
   *
   * @param closed what is closed, where that is known: one that is somebody else's can't have been changed inside
   */
  #unreadable(names: readonly string[], error: unknown, closed?: Stats): void {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") return;
    const isOwn = code === "EACCES" && (closed === undefined || closed.uid === userId());
    // An agent may open it, change what is in it, and close it again; files in it may be used by their names.
    this.leaveOut(names, `it can't be read (${code})`, isOwn ? { isBound: true } : {});
  }

  /** Leaves out a file of git that can't be read, or makes no sense. */
  #unfit(names: readonly string[], error: unknown): void {
    if (isUnfit(error)) this.leaveOut(names, "it is too large to be looked at", { isBound: true });
    else if (systemErrorCode(error) === "ELOOP") this.leaveOut(names, UNFOLLOWED, { isBound: true });
    else if (systemErrorCode(error) !== undefined) this.#unreadable(names, error);
    else if (error instanceof Error) this.leaveOut(names, error.message);
    else throw error;
  }

  #isTooNew({ ctimeMs }: Pick<Stats, "ctimeMs">, names: readonly string[]): boolean {
    const { before } = this.#options;
    if (before === undefined || ctimeMs < before) return false;
    this.leaveOut(names, "it was changed while its session started");
    return true;
  }
}

/** Whether all in a directory of a git directory is listed, so that links in it are. */
function isLookedThrough(name: string): boolean {
  return GIT_ENTRIES.some((entry) => entry.name === name && entry.holds !== undefined);
}

function isObjects(path: string, name: string): boolean {
  return OBJECT_STORES.has(path) && name !== "info" && name !== "pack";
}

function isGitEntry(name: string): boolean {
  return GIT_ENTRIES.some((entry) => entry.name === name);
}
