import type { Explanation } from "../../client/sandbox/explain-target.ts";
import type { Colors } from "../render/color.ts";
import { alignColumns } from "../render/columns.ts";
import { shortPath } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";
import { originText } from "./show.ts";

type Verdict = Extract<Explanation, { host: string }>["connect"];

/** What is asked for, and a line for each thing that may be done with it: the answer, why, and who says so. */
export function renderExplanation(explanation: Explanation, colors: Colors): string {
  const subject =
    "path" in explanation
      ? [explanation.path, ...(explanation.resolved === explanation.path ? [] : [explanation.resolved])]
          .map((path) => shortPath(oneLine(path)))
          .join(" -> ")
      : `${oneLine(explanation.host)}:${explanation.port}`;
  const rows =
    "path" in explanation
      ? [row("read", explanation.read, colors), row("write", explanation.write, colors)]
      : [row("connect", explanation.connect, colors)];
  const lines = alignColumns(rows).map((line) => `  ${line}`);
  return [colors.bold(subject), ...lines].map((line) => `${line}\n`).join("");
}

function row(what: string, { answer, reason, rule, origin }: Verdict, colors: Colors): string[] {
  const paint = { allowed: colors.green, denied: colors.red, own: colors.yellow, model: colors.yellow }[
    answer
  ];
  const word = { allowed: "allowed", denied: "denied", own: "not the host's", model: "depends" }[answer];
  const because = rule === undefined ? `it ${reason}` : `it ${reason}: ${shortPath(oneLine(rule))}`;
  const who = origin === undefined ? "" : `(${originText({ ...origin, origin: origin.from })})`;
  return [what, paint(word), because, colors.dim(who)];
}

function oneLine(text: string): string {
  return sanitize(text).replaceAll("\n", " ");
}
