import { type StructuredPatchHunk, structuredPatch } from "diff";

/** Lines around a change. */
const CONTEXT = 3;
/** With more differences between two texts all of the one is shown as removed, and all of the other as added. */
const MAX_DIFFERENCES = 1_000;

export interface TextDiff {
  /** Hunks in the unified format, without the names of files. */
  text: string;
  added: number;
  removed: number;
}

/** The difference of two texts by lines. An end of the text without a newline is said as git says it. */
export function textDiff(before: string, after: string): TextDiff {
  const options = { context: CONTEXT, maxEditLength: MAX_DIFFERENCES };
  const hunks = structuredPatch("", "", before, after, "", "", options)?.hunks ?? wholly(before, after);
  const lines = hunks.flatMap((hunk) => hunk.lines);
  return {
    text: hunks.map(hunkText).join(""),
    added: lines.filter((line) => line.startsWith("+")).length,
    removed: lines.filter((line) => line.startsWith("-")).length,
  };
}

/** All of the one is removed, and all of the other added: the hunks of two patches, each with an empty text, as one. */
function wholly(before: string, after: string): StructuredPatchHunk[] {
  const [removed, added] = [structuredPatch("", "", before, ""), structuredPatch("", "", "", after)];
  const [from, to] = [removed.hunks[0], added.hunks[0]];
  if (from === undefined || to === undefined) return [...removed.hunks, ...added.hunks];
  const { newStart, newLines } = to;
  return [{ ...from, newStart, newLines, lines: [...from.lines, ...to.lines] }];
}

function hunkText({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatchHunk): string {
  return `@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@\n${lines.join("\n")}\n`;
}

/** As `diff -u` counts: a range of no lines is named by the line before it. */
function range(first: number, count: number): string {
  return count === 1 ? `${first}` : `${count === 0 ? first - 1 : first},${count}`;
}
