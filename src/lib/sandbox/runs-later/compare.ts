import { join } from "node:path";
import { cutText } from "../../core/cut-text.ts";
import type { FileState, LaterChange, NotReviewed } from "../../core/sandbox-review.ts";
import { RESERVED_GIT } from "../held-git.ts";
import { key, type LaterFile, type LeftOut } from "./found.ts";
import { HIDDEN_BECAUSE, type HiddenFile } from "./hidden-from-git.ts";
import { GIT_HIDDEN, LINK_OUT, MAX_HASHED_BYTES } from "./search.ts";
import type { Snapshot } from "./snapshot.ts";
import { textDiff } from "./text-diff.ts";

/** What a review shows of one difference, and of all: an agent can write as much as its disk has room for. */
const MAX_DIFF_LENGTH = 64 * 1024;
const MAX_ALL_DIFFS = 2 * 1024 * 1024;
const MAX_CHANGES = 2_000;
const GONE_IS_HARMLESS: ReadonlySet<string> = new Set([GIT_HIDDEN, LINK_OUT]);
/** Execution, and the bits that make a program run as somebody else. */
const MODE_BITS = 0o7111;

/** What isn't in `now` as it was in `baseline`, sorted by path, and what can't be said of it. */
export function compareSnapshots(
  baseline: Snapshot,
  now: Snapshot,
): { changes: LaterChange[]; notReviewed: NotReviewed[] } {
  const before = new Map(baseline.files.map((file) => [key(file.root, file.path), file]));
  const after = new Map(now.files.map((file) => [key(file.root, file.path), file]));
  const unknown = baseline.leftOut.filter(({ changed }) => changed === undefined);
  const unseen = now.leftOut.filter(({ changed }) => changed === undefined);
  const changes: LaterChange[] = [];
  const notReviewed = notReviewedIn(baseline, now);
  let length = 0;
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [old, file] = [before.get(name), after.get(name)];
    const one = file ?? old;
    if (one === undefined || isSame(old, file) || (old === undefined && saysNothing(one))) continue;
    // What couldn't be looked at isn't gone. A link or a flag that is gone does nothing any more.
    if (file === undefined && (GONE_IS_HARMLESS.has(one.kind) || isLeftOut(one, unseen))) continue;
    const hidden = newlyHidden(old, file);
    if (hidden !== undefined) changes.push(...hidden.slice(0, MAX_CHANGES - changes.length));
    if (changes.length >= MAX_CHANGES) {
      notReviewed.push({ path: now.roots[0] ?? "", because: `more than ${MAX_CHANGES} files have changed` });
      break;
    }
    if (hidden !== undefined) continue;
    const change =
      file === undefined
        ? "removed"
        : old !== undefined
          ? "changed"
          : isLeftOut(one, unknown)
            ? "unknown"
            : "added";
    const difference = diffOf(change, old, file, MAX_ALL_DIFFS - length);
    length += difference.diff?.length ?? 0;
    changes.push({
      path: absolute(now.roots, one),
      kind: one.kind,
      because: one.because,
      change,
      ...(old === undefined ? {} : { before: stateOf(old) }),
      ...(file === undefined ? {} : { after: stateOf(file) }),
      ...difference,
    });
  }
  return { changes, notReviewed };
}

/** What the search came upon and couldn't look at. What it is never able to, the baseline has as well. */
function notReviewedIn(baseline: Snapshot, now: Snapshot): NotReviewed[] {
  const known = new Set(
    baseline.leftOut
      .filter(({ isBound }) => !isBound)
      .map((one) => `${key(one.root, one.path)} ${one.because}`),
  );
  return now.leftOut
    .filter((one) => one.changed !== undefined || !known.has(`${key(one.root, one.path)} ${one.because}`))
    .map((one) => ({
      path: absolute(now.roots, one),
      because: one.because,
      ...(one.changed === undefined ? {} : { changed: one.changed }),
      ...(one.isBound ? { remains: true } : {}),
    }));
}

/** Files that git takes for unchanged, and that weren't hidden so before. Undefined for a record of anything else. */
function newlyHidden(old: LaterFile | undefined, file: LaterFile | undefined): LaterChange[] | undefined {
  if (file?.kind !== GIT_HIDDEN || file.text === undefined) return undefined;
  if (old !== undefined && (old.kind !== GIT_HIDDEN || old.text === undefined)) return undefined;
  const known = new Set(old?.text?.split("\n"));
  return file.text.split("\n").flatMap((line): LaterChange[] => {
    if (line === "" || known.has(line)) return [];
    const [path, why] = JSON.parse(line) as [string, HiddenFile["why"]];
    return [{ path, kind: GIT_HIDDEN, because: HIDDEN_BECAUSE[why], change: "hidden" }];
  });
}

function absolute(roots: readonly string[], { root, path }: Pick<LeftOut, "root" | "path">): string {
  return join(roots[root] ?? "/", path);
}

function isSame(old: LaterFile | undefined, file: LaterFile | undefined): boolean {
  if (old === undefined || file === undefined) return false;
  if (
    old.type !== file.type ||
    old.target !== file.target ||
    (old.mode & MODE_BITS) !== (file.mode & MODE_BITS)
  )
    return false;
  if (old.type === "other") return true;
  if (old.hash !== undefined || file.hash !== undefined) return old.hash === file.hash;
  if (old.size !== file.size) return false;
  // A link that leads out of the workspace may be made anew; what it leads to there isn't looked at.
  return (old.type === "link" && old.size <= MAX_HASHED_BYTES) || old.ctimeMs === file.ctimeMs;
}

/** Whether it is what a sandbox makes in a repository, so that nobody else can. */
function saysNothing({ kind, path, text, type }: LaterFile): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return (
    kind === "git" && type === "file" && Object.hasOwn(RESERVED_GIT, name) && RESERVED_GIT[name] === text
  );
}

function isLeftOut(file: LaterFile, places: readonly LeftOut[]): boolean {
  return places.some(
    ({ root, path }) =>
      root === file.root && (path === "" || file.path === path || file.path.startsWith(`${path}/`)),
  );
}

function stateOf({ type, mode, size, target }: LaterFile): FileState {
  return { type, mode: mode.toString(8).padStart(4, "0"), size, ...(target === undefined ? {} : { target }) };
}

function diffOf(
  change: LaterChange["change"],
  old: LaterFile | undefined,
  file: LaterFile | undefined,
  room: number,
): Pick<LaterChange, "diff" | "linesAdded" | "linesRemoved" | "note"> {
  const note = change === "unknown" ? "how it was before isn't known" : undefined;
  const [before, after] = [old, file].map((one) => (one === undefined ? "" : textOf(one)));
  if (before === undefined || after === undefined)
    return { note: note ?? "it is no text, is too long, or can't be read" };
  const { text, added, removed } = textDiff(before, after);
  const lines = { linesAdded: added, linesRemoved: removed };
  if (text === "") return { ...lines, ...(note === undefined ? {} : { note }) };
  if (room <= 0) return { ...lines, note: "the differences are too long to be shown all" };
  const diff = cutText(text, Math.min(MAX_DIFF_LENGTH, room));
  const cut = diff.length < text.length ? "the difference is longer than is shown" : note;
  return { diff, ...lines, ...(cut === undefined ? {} : { note: cut }) };
}

/** A link as a text of what it says and leads to. */
function textOf({ type, target, text }: LaterFile): string | undefined {
  if (type === "link") return `symbolic link to ${target}\n${text ?? ""}`;
  return type === "other" ? "neither a file nor a link: a pipe, a socket or a device\n" : text;
}
