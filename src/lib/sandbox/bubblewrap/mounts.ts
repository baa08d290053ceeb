import { existsSync, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { contains } from "../../core/contains.ts";
import { linksTo, rememberingLook, rememberingRealPath } from "../../core/links.ts";
import { isWrittenGit, KEPT_EMPTY_GIT, RESERVED_GIT } from "../held-git.ts";
import { refuseClosedDirectories, unplantedRealPath } from "../planted-links.ts";

/** What a sandbox sees of the file system; all paths absolute. */
export interface View {
  /** Roots that are there at all, read-only. `["/"]`: everything but what {@link NEVER} names. */
  read: readonly string[];
  home: string;
  /** Whether the home is a new, empty one, kept in memory. */
  emptyHome: boolean;
  /** Never to be seen, wherever they lie. Those that don't exist yet don't appear later either, save below what is writable. */
  denyRead: readonly string[];
  /** Roots that can be written beside the workspace; those that don't exist are passed over. */
  write: readonly string[];
  /** Directories of which there is an empty one in memory, where there is one outside. */
  empty?: readonly string[];
  workspace: string;
  /** Files and directories that stay as they are, and where they are, as far as they lie below something writable. */
  protect: readonly string[];
  /** Directories below those of {@link protect} that can be written again, save what is protected in them. */
  reopen?: readonly string[] | undefined;
  /** Needed whatever `read` says: programs and their libraries, read-only and above everything writable. */
  programs: readonly string[];
  /** pi's configuration directory: its entries can be read, what it writes beside them is forgotten. */
  agentDir?: { path: string; hide: readonly string[]; replace: Readonly<Record<string, string>> };
  /** What is to be found elsewhere than it is, read-only: from the place inside to the one outside. */
  elsewhere?: Readonly<Record<string, string>>;
  /** Where pi writes its session's file. */
  sessionDir?: string | undefined;
  /** In which agents write, as real paths: no link that lies there leads to what is mounted. */
  agentPlaces: readonly string[];
  /** Bytes that each directory in memory may take. */
  memorySize: number;
  /** Rules to leave out. */
  without?: readonly MountPart[] | undefined;
}

/** Rules of a view that can be left out, to show that something notices. */
export type MountPart = "deny" | "never" | "protect" | "agent-dir" | "sizes" | "dev";

/**
 * Not part of any view: devices, processes and system settings get their own; sockets of the host's services
 * and other programs' temporary files stay out; so do passwords of the machine, which root could read.
 */
export const NEVER: readonly string[] = [
  "/proc",
  "/dev",
  "/sys",
  "/run",
  "/tmp",
  "/var/tmp",
  "/var/run",
  "/boot",
  "/lost+found",
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/sudoers",
  "/etc/sudoers.d",
  "/etc/ssh",
  "/etc/ssl/private",
];

/** Those of them that a sandbox has in another form. */
const OWN = ["/proc", "/dev", "/tmp", "/var/tmp", "/boot", "/lost+found"];

/** Directories of the sandbox's own that every program expects to be able to write. */
const TEMPORARY = ["/tmp", "/var/tmp", "/dev/shm"];

/** A directory with more entries is taken as a whole, and what is hidden in it is covered instead. */
const MAX_ENTRIES = 2_000;

/**
 * The mounts of a view, as arguments of bubblewrap, in order: the system, the home, what is kept in memory, what
 * can be written, pi's own places, the programs, what is protected, and at last what is hidden. Everything is mounted
 * where it really is: bubblewrap follows no links on the way to a place.
 *
 * A directory that holds something hidden isn't mounted itself: its other entries are, one by one. So what is hidden
 * isn't there, nor is what comes into being beside it while the sandbox runs, and a link to it leads nowhere.
 *
 * @throws PictlError SANDBOX_CHANGED where an agent has put a link in the way since the policy was looked at, or has closed a directory
 */
export function mountArguments(view: View): string[] {
  const has = (part: MountPart) => !view.without?.includes(part);
  const never = has("never") ? NEVER : NEVER.filter((path) => OWN.includes(path));
  const look = rememberingLook();
  const real = unplantedRealPath(view.agentPlaces, look);
  // What is denied is opened by no link.
  const realDenied = rememberingRealPath(look);
  const denied = has("deny") ? view.denyRead.map(realDenied) : [];
  const hidden = [
    ...new Set([
      ...never,
      // The link itself, too, where what is denied is one.
      ...(has("deny") ? view.denyRead.map((path) => join(realDenied(dirname(path)), basename(path))) : []),
      ...denied,
    ]),
  ];
  const args: string[] = [];
  const home = real(view.home);
  const workspace = real(view.workspace);
  const agentDir = view.agentDir && { ...view.agentDir, path: real(view.agentDir.path) };
  const own = [...(view.emptyHome ? [home] : []), ...(agentDir ? [agentDir.path] : [])];
  args.push("--proc", "/proc", ...(has("dev") ? ["--dev", "/dev"] : ["--dev-bind", "/dev", "/dev"]));
  // First, so that what lies below them can be mounted on top.
  const size = has("sizes") ? ["--size", String(view.memorySize)] : [];
  for (const path of [...TEMPORARY, ...(view.emptyHome ? [home] : [])]) args.push(...size, "--tmpfs", path);
  for (const root of view.read) {
    if (root === "/") addTree(args, root, [...hidden, ...own]);
    else addEntry(args, root, [...hidden, ...own]);
  }
  const writable = [
    ...view.write
      .filter((path) => !TEMPORARY.includes(path) && existsSync(path))
      .map(real)
      .filter((path) => !denied.some((place) => contains(place, path)) && !contains(path, home)),
    workspace,
  ];
  for (const path of (view.empty ?? []).filter((place) => existsSync(place)).map(real))
    if (!denied.some((place) => contains(place, path))) args.push(...size, "--tmpfs", path);
  for (const path of writable) args.push("--bind", path, path);
  const sessionDir = view.sessionDir === undefined ? undefined : real(view.sessionDir);
  const changeable = sessionDir === undefined ? writable : [...writable, sessionDir];
  const reopened = has("protect") ? [...new Set(view.reopen ?? [])] : [];
  const isReopened = (path: string) => reopened.some((place) => path !== place && contains(place, path));
  const kept = has("protect")
    ? keptPaths(
        view.protect.filter((path) => !isReopened(path)),
        changeable,
      )
    : [];
  const programs = [...new Set(view.programs.map(real))];
  refuseClosedDirectories([...view.denyRead, ...denied, ...(view.empty ?? [])], changeable);
  // What is denied would be seen under another name once the directory that it is in was renamed.
  const deniedBelow = denied.filter(
    (path) => lstat(path) !== undefined && writable.some((root) => contains(root, path)),
  );
  const pinned = has("protect") ? [...kept, ...programs, ...deniedBelow] : deniedBelow;
  addPins(args, pinned, writable);
  if (agentDir !== undefined)
    addAgentDir(args, has("agent-dir") ? agentDir : { ...agentDir, hide: [] }, view.memorySize);
  // Not mounted in the first place.
  const leftOut = has("agent-dir")
    ? (agentDir?.hide ?? []).map((name) => join(agentDir?.path ?? "", name))
    : [];
  const isLeftOut = (path: string) => leftOut.some((place) => contains(place, path));
  // Denied, and yet the way to the session's directory.
  const around = sessionDir === undefined ? [] : hidden.filter((path) => contains(path, sessionDir));
  for (const path of around)
    if (!isLeftOut(path) && writable.some((root) => contains(root, path)))
      args.push(...size, "--tmpfs", path);
  if (sessionDir !== undefined) args.push("--bind", sessionDir, sessionDir);
  // What leads there is in no directory that was mounted, where those are the sandbox's own.
  for (const place of [view.agentDir?.path, view.sessionDir])
    for (const { path, target } of place === undefined ? [] : linksTo(place))
      if (own.some((directory) => contains(directory, path))) addLink(args, target, path);
  for (const path of programs) args.push("--ro-bind", path, path);
  for (const [path, source] of Object.entries(view.elsewhere ?? {})) args.push("--ro-bind", source, path);
  for (const path of kept) addKept(args, path);
  for (const path of reopened) {
    args.push("--bind", path, path);
    const keptIn = keptPaths(view.protect.filter(isReopened), [path]);
    addPins(args, keptIn, [path]);
    for (const each of keptIn) addKept(args, each);
  }
  // What is to be hidden below something that is mounted as a whole is covered.
  const whole = [...changeable, ...programs];
  for (const path of hidden) {
    if (isLeftOut(path) || around.includes(path)) continue;
    if (!whole.some((root) => contains(root, path) && path !== root)) continue;
    addCover(args, path);
  }
  if (!view.write.includes("/tmp")) args.push(...TEMPORARY.flatMap((path) => ["--remount-ro", path]));
  return args;
}

/** Of what is to stay as it is, what could be changed, and isn't held with the directory that it is in. */
function keptPaths(paths: readonly string[], writable: readonly string[]): string[] {
  const below = paths.filter((path) => writable.some((root) => contains(root, path)));
  return [...new Set(below)].filter(
    (path) => !below.some((other) => other !== path && contains(other, path)),
  );
}

/**
 * Mounts each directory on the way to a path onto itself: it can be written as before, but not renamed away with what
 * is in it. Before the mounts that may lie below them.
 */
function addPins(args: string[], paths: readonly string[], writable: readonly string[]): void {
  const pins = new Set<string>();
  for (const path of paths)
    for (let at = dirname(path); writable.some((root) => contains(root, at) && at !== root); at = dirname(at))
      pins.add(at);
  // A directory comes before what is in it.
  for (const path of [...pins].sort()) args.push("--bind", path, path);
}

function addKept(args: string[], path: string): void {
  const name = basename(path);
  // git obeys a directory that isn't there yet as soon as it is: an empty one keeps its place.
  if (KEPT_EMPTY_GIT.includes(name) && lstat(path) === undefined)
    args.push("--tmpfs", path, "--remount-ro", path);
  // Where nobody may make it, it isn't there, and the sandbox can't make it either.
  else if (isWrittenGit(path)) args.push("--bind-try", path, path);
  else args.push(Object.hasOwn(RESERVED_GIT, name) ? "--ro-bind-try" : "--ro-bind", path, path);
}

function addAgentDir(args: string[], agentDir: NonNullable<View["agentDir"]>, size: number): void {
  const { path, hide, replace } = agentDir;
  args.push("--size", String(size), "--tmpfs", path);
  for (const entry of list(path) ?? []) {
    if (hide.includes(entry) || Object.hasOwn(replace, entry)) continue;
    addEntry(args, join(path, entry), []);
  }
  for (const [name, source] of Object.entries(replace)) args.push("--ro-bind", source, join(path, name));
}

function addTree(args: string[], path: string, hidden: readonly string[]): void {
  if (hidden.includes(path)) return;
  const inside = hidden.filter((other) => contains(path, other));
  const entries = isTakenApart(path, inside) ? list(path) : undefined;
  if (entries === undefined || (path !== "/" && entries.length > MAX_ENTRIES)) {
    // It may have gone since it was listed, as directories of other programs do.
    args.push("--ro-bind-try", path, path);
    for (const covered of inside) addCover(args, covered);
    return;
  }
  if (path !== "/") args.push("--dir", path);
  for (const entry of entries) addEntry(args, join(path, entry), inside);
}

/** /etc has 200 entries, and each mount costs a quarter of a millisecond: what is hidden there is covered. */
function isTakenApart(path: string, hidden: readonly string[]): boolean {
  return path === "/" || (hidden.length > 0 && !contains("/etc", path));
}

function addEntry(args: string[], path: string, hidden: readonly string[]): void {
  if (hidden.includes(path)) return;
  const stats = lstat(path);
  if (stats?.isSymbolicLink()) addLink(args, readlinkSync(path), path);
  else if (stats?.isDirectory()) addTree(args, path, hidden);
  else if (stats?.isFile()) args.push("--ro-bind-try", path, path);
}

/** Puts something that can't be read in the place of what is there. */
function addCover(args: string[], path: string): void {
  const stats = lstat(path);
  // A device can't be opened below a mount of bubblewrap's: whoever tries is told that it isn't allowed.
  if (stats?.isFile() || stats?.isFIFO()) args.push("--ro-bind", "/dev/null", path);
  else if (stats?.isDirectory()) args.push("--perms", "0000", "--tmpfs", path, "--remount-ro", path);
}

/** bubblewrap makes no link where one is. */
function addLink(args: string[], target: string, path: string): void {
  if (!args.some((word, index) => word === path && args[index - 2] === "--symlink"))
    args.push("--symlink", target, path);
}

function list(path: string): string[] | undefined {
  try {
    return readdirSync(path).sort();
  } catch {
    // A directory that can't be listed from outside can't be from inside: it is mounted as it is.
    return undefined;
  }
}

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // Below a directory that may not be entered, which the sandbox can't enter either.
    return undefined;
  }
}
