import { relative } from "node:path";
import type { FileState, LaterChange, SandboxReview } from "../../core/sandbox-review.ts";
import type { Colors } from "../render/color.ts";
import { alignColumns } from "../render/columns.ts";
import { timeOf } from "../render/numbers.ts";
import { clipMiddle } from "../render/text-width.ts";

/** The signs that `--stat` draws for a file, at most. */
const MAX_SIGNS = 40;

/** Columns of a name in a table: one long name would push apart all lines. `--json` has it in full. */
const MAX_NAME_COLUMNS = 80;

/**
 * What could give another picture than what is there: control characters, marks that reorder or aren't seen. The mark
 * that makes a character an emoji stays.
 */
const UNSEEN = /(?!\n|\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** The files, then their differences, then what wasn't looked at. */
export function renderReview(review: SandboxReview, colors: Colors, { stat = false } = {}): string {
  const workspace = review.baselines[0]?.workspace ?? "/";
  const since = Math.min(...review.baselines.map(({ takenAt }) => takenAt));
  const blocks = [
    stat ? statLines(review.changes, workspace, colors) : listLines(review.changes, workspace, colors),
    ...review.changes.flatMap((change) => diffLines(change, workspace, colors)),
    review.notReviewed.map(({ path, because, changed }) => {
      const count = changed === undefined ? "" : `${changed} ${changed === 1 ? "change" : "changes"} in `;
      return `${colors.yellow("Not reviewed")}: ${count}${shown(path, workspace)}: ${visible(because)}`;
    }),
    [sumLine(review, since, colors)],
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
}

const TYPES = { file: "a file", link: "a link", other: "neither a file nor a link" } as const;
const PAINT = {
  added: "green",
  changed: "yellow",
  removed: "red",
  unknown: "yellow",
  hidden: "red",
} as const;

function listLines(changes: readonly LaterChange[], workspace: string, colors: Colors): string[] {
  if (changes.length === 0) return [];
  const rows = changes.map((change) => [
    colors[PAINT[change.change]](change.change),
    clipMiddle(shown(change.path, workspace), MAX_NAME_COLUMNS),
    countOf(change),
    colors.dim(visible([change.because, ...aboutFile(change)].join("; "))),
  ]);
  return alignColumns([["CHANGE", "FILE", "LINES", "WHY"].map((title) => colors.bold(title)), ...rows]);
}

/** As `git diff --stat` has it. */
function statLines(changes: readonly LaterChange[], workspace: string, colors: Colors): string[] {
  if (changes.length === 0) return [];
  const most = Math.max(...changes.map(({ linesAdded = 0, linesRemoved = 0 }) => linesAdded + linesRemoved));
  const signs = (count: number) => Math.ceil(count * Math.min(1, MAX_SIGNS / most) || 0);
  const rows = changes.map((change) => {
    const { linesAdded = 0, linesRemoved = 0 } = change;
    const bar = `${colors.green("+".repeat(signs(linesAdded)))}${colors.red("-".repeat(signs(linesRemoved)))}`;
    const text = change.linesAdded === undefined ? colors.dim(change.note ?? "") : bar;
    return [
      ` ${clipMiddle(shown(change.path, workspace), MAX_NAME_COLUMNS)}`,
      `| ${linesAdded + linesRemoved}`,
      text,
    ];
  });
  const sum = (count: (change: LaterChange) => number | undefined) =>
    changes.reduce((total, change) => total + (count(change) ?? 0), 0);
  return [
    ...alignColumns(rows).map((line) => line.trimEnd()),
    ` ${changes.length} files changed, ${sum(({ linesAdded }) => linesAdded)} insertions(+), ${sum(({ linesRemoved }) => linesRemoved)} deletions(-)`,
  ];
}

function countOf({ linesAdded, linesRemoved }: LaterChange): string {
  return linesAdded === undefined ? "-" : `+${linesAdded} -${linesRemoved}`;
}

/** What isn't seen in a difference of texts. */
function aboutFile({ before, after, note }: LaterChange): string[] {
  const isOther = (field: keyof FileState) =>
    before !== undefined && after !== undefined && before[field] !== after[field];
  return [
    ...(isOther("type")
      ? [`it was ${TYPES[before?.type ?? "other"]}, and is ${TYPES[after?.type ?? "other"]}`]
      : []),
    ...(isOther("mode") ? [`mode ${before?.mode} is now ${after?.mode}`] : []),
    ...(before === undefined && after?.target !== undefined
      ? [`a link to ${clipMiddle(visible(after.target), MAX_NAME_COLUMNS)}`]
      : []),
    ...(note === undefined ? [] : [note]),
  ];
}

function diffLines(change: LaterChange, workspace: string, colors: Colors): string[][] {
  const { diff, path, note } = change;
  if (diff === undefined) return [];
  const name = shown(path, workspace);
  const [old, now] = [change.change === "added" ? "/dev/null" : `a/${name}`, `b/${name}`];
  const lines = diff.replace(/\n$/, "").split("\n");
  return [
    [
      colors.bold(`--- ${old}`),
      colors.bold(`+++ ${change.change === "removed" ? "/dev/null" : now}`),
      ...lines.map((line) => {
        const text = visible(line);
        if (line.startsWith("@@")) return colors.cyan(text);
        return line.startsWith("+") ? colors.green(text) : line.startsWith("-") ? colors.red(text) : text;
      }),
      ...(note === undefined ? [] : [colors.yellow(`(${note})`)]),
    ],
  ];
}

function sumLine({ changes, notReviewed, accepted }: SandboxReview, since: number, colors: Colors): string {
  if (changes.length === 0 && notReviewed.length === 0)
    return `${colors.green("✔")} Nothing that something outside may run or obey changed since ${timeOf(since)}.`;
  if (accepted) return `${colors.green("✔")} Accepted: the next review compares with this state.`;
  return colors.dim(`Since ${timeOf(since)}.`);
}

function shown(path: string, workspace: string): string {
  const below = relative(workspace, path);
  return visible(below === "" ? "." : below.startsWith("..") ? path : below);
}

/** With what isn't seen written out: a name or a line must not look like another one. */
function visible(text: string): string {
  return text
    .replaceAll("\t", "    ")
    .replace(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .replaceAll("\n", "\\n");
}
