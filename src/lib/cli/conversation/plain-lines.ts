import { clip } from "../render/text-width.ts";
import type { Block } from "./blocks.ts";
import { summarizeArguments } from "./tool-summary.ts";

/** Stands before what a person types, or has typed. */
export const PROMPT = "> ";

/** A block that is complete, in lines; undefined for what was printed when it was typed or came. */
export function lineOf(block: Block): string | undefined {
  switch (block.kind) {
    case "user":
      return block.pending === undefined ? `${PROMPT}${block.text}` : undefined;
    case "assistant":
      return block.open ? undefined : block.text;
    case "custom":
      return block.text;
    case "tool":
      return clip(`* ${block.name} ${summarizeArguments(block.args)}`, 100);
    case "shell":
      return [`$ ${block.command ?? ""}`, block.output.trimEnd(), exitLine(block.exitCode)]
        .filter(Boolean)
        .join("\n");
    case "notice":
      return block.text;
  }
}

function exitLine(exitCode: number | undefined): string {
  return exitCode === undefined || exitCode === 0 ? "" : `exit code ${exitCode}`;
}
