import type { FileResult } from "./run-file.ts";
import { type Counts, type Ended, kindOf, type Seen } from "./seen.ts";

const SIGNS = { pass: "✔", fail: "✖", cancelled: "✖", skipped: "﹣", todo: "﹣" };

export function nameOf({ run }: FileResult): string {
  return run.label === undefined ? run.file : `${run.file} (${run.label})`;
}

/** A file with its tests, as the spec reporter of node:test shows them. */
export function fileText(result: FileResult): string {
  const lines = [`${nameOf(result)} (${result.seconds.toFixed(1)} s)`];
  const titles: (string | undefined)[] = [];
  for (const each of result.seen) {
    if (each.type === "start") titles[each.nesting] = each.name;
    if (each.type === "diagnostic" && each.nesting > 0)
      lines.push(indented(each.nesting, `ℹ ${each.message}`));
    if (each.type !== "end") continue;
    for (let level = 0; level < each.nesting; level += 1) {
      if (titles[level] !== undefined) lines.push(indented(level, `▶ ${titles[level]}`));
      titles[level] = undefined;
    }
    titles[each.nesting] = undefined;
    lines.push(indented(each.nesting, endText(each)));
  }
  if (result.problem !== undefined) lines.push(`  ✖ the file ${result.problem}`);
  return `${lines.join("\n")}\n`;
}

/** The failures of a file with what they threw and what the file printed; empty when it passed. */
export function failureText(result: FileResult): string {
  const failed = failuresOf(result.seen);
  if (failed.length === 0 && result.problem === undefined) return "";
  const lines = failed.flatMap(({ path, error }) => [`✖ ${path.join(" › ")}`, indent(error)]);
  if (result.problem !== undefined) lines.push(`✖ the file ${result.problem}`);
  if (result.output !== "") lines.push("  It printed:", indent(result.output.trimEnd()));
  return `\n${nameOf(result)}\n${lines.join("\n")}\n`;
}

export function countsText(counts: Counts, ms: number): string {
  const lines = Object.entries(counts).map(([name, count]) => `ℹ ${name} ${count}`);
  return `${[...lines, `ℹ duration_ms ${Math.round(ms)}`].join("\n")}\n`;
}

function failuresOf(seen: readonly Seen[]): { path: string[]; error: string }[] {
  const path: string[] = [];
  return seen.flatMap((each) => {
    if (each.type === "start") path.splice(each.nesting, Infinity, each.name);
    if (each.type !== "end" || each.error === undefined || each.error === "") return [];
    return [{ path: [...path.slice(0, each.nesting), each.name], error: each.error }];
  });
}

function endText(ended: Ended): string {
  const kind = kindOf(ended);
  const reason = typeof ended.skip === "string" ? ` # ${ended.skip}` : kind === "skipped" ? " # SKIP" : "";
  return `${SIGNS[kind]} ${ended.name} (${Math.round(ended.ms)}ms)${reason}`;
}

function indented(nesting: number, text: string): string {
  return "  ".repeat(nesting + 1) + text;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}
