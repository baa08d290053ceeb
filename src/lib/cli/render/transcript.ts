import type { TranscriptMessage } from "../../protocol/transcript.ts";
import type { Colors } from "./color.ts";
import { timeOf } from "./numbers.ts";
import { clip, sanitize, wrap } from "./text-width.ts";

type LineKind = "heading" | "text" | "thinking" | "call" | "output" | "error";

interface Line {
  kind: LineKind;
  text: string;
}

export interface TranscriptOptions {
  colors: Colors;
  /** Columns of the terminal; undefined: lines stay as they are. */
  width: number | undefined;
  /** Lines kept of one tool's or command's output on a terminal; the rest is counted. Default 12. */
  outputLines?: number;
}

const DEFAULT_OUTPUT_LINES = 12;
/** Narrower than this, wrapping gives columns of single words. */
const MIN_WIDTH = 20;
const INDENT = "  ";

/**
 * A conversation for a person: a heading per message (`#2 user · 2026-11-21 04:50`, where `fork --at` takes the
 * number), the text indented below it. Escape sequences and control characters of messages never get through.
 */
export function renderTranscript(messages: readonly TranscriptMessage[], options: TranscriptOptions): string {
  return messages
    .map((message) => {
      const time = message.timestamp ? ` · ${timeOf(message.timestamp, 5)}` : "";
      const heading: Line = { kind: "heading", text: `${titleOf(message)}${time}` };
      return [heading, ...bodyOf(message, options)]
        .map((line) => `${paint(line, options.colors)}\n`)
        .join("");
    })
    .join("\n");
}

function paint({ kind, text }: Line, colors: Colors): string {
  switch (kind) {
    case "heading":
      return colors.bold(text);
    case "thinking":
      return colors.italic(colors.dim(text));
    case "call":
      return colors.cyan(text);
    case "output":
      return colors.dim(text);
    case "error":
      return colors.red(text);
    case "text":
      return text;
  }
}

function titleOf(message: TranscriptMessage): string {
  switch (message.role) {
    case "user":
      return `#${message.number} user`;
    case "assistant":
      return message.model ? `assistant · ${sanitize(message.model)}` : "assistant";
    case "tool":
      return `tool ${sanitize(message.toolName ?? "")}${message.isError ? " · error" : ""}`;
    case "bash":
      return `shell${message.exitCode ? ` · exit code ${message.exitCode}` : ""}`;
    case "summary":
      return message.kind === "branch" ? "summary of another branch" : "compaction";
    default:
      return sanitize(message.kind ?? "extension");
  }
}

function bodyOf(message: TranscriptMessage, options: TranscriptOptions): Line[] {
  const width =
    options.width === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(MIN_WIDTH, options.width) - INDENT.length;
  const lines: Line[] = [];
  const add = (kind: LineKind, texts: readonly string[]) => {
    for (const text of texts) lines.push({ kind, text: text === "" ? "" : INDENT + text });
  };
  const wrapped = (text: string) => wrap(sanitize(text).trimEnd(), width);
  if (message.thinking) add("thinking", wrapped(message.thinking));
  if (message.command !== undefined) add("call", [clip(`$ ${oneLine(message.command)}`, width)]);
  if (message.role === "tool" || message.role === "bash") {
    add(message.isError ? "error" : "output", outputLines(message.text, width, options));
  } else if (message.text !== "") add("text", wrapped(message.text));
  for (const call of message.toolCalls ?? []) {
    add("call", [clip(`→ ${oneLine(call.name)} ${oneLine(JSON.stringify(call.args) ?? "")}`, width)]);
  }
  if (message.images) add("output", [`(${message.images} ${message.images === 1 ? "image" : "images"})`]);
  if (message.errorMessage) add("error", wrapped(message.errorMessage));
  else if (message.stopReason === "aborted" || message.stopReason === "length") {
    add("error", [`(${message.stopReason === "length" ? "cut at the length limit" : "aborted"})`]);
  }
  return lines;
}

function outputLines(text: string, width: number, options: TranscriptOptions): string[] {
  const all = sanitize(text).trimEnd().split("\n");
  if (all.length === 1 && all[0] === "") return [];
  const limit = options.width === undefined ? all.length : (options.outputLines ?? DEFAULT_OUTPUT_LINES);
  const shown = all.slice(0, limit).map((line) => clip(line, width));
  const rest = all.length - shown.length;
  return rest === 0 ? shown : [...shown, `… ${rest} more ${rest === 1 ? "line" : "lines"}`];
}

function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
