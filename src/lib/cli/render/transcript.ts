import { clip, sanitize, wrap } from "./text-width.ts";
import type { TranscriptMessage } from "./transcript.ts";

/** What a line is, for whoever colours it. */
export type PlainLineKind = "heading" | "text" | "thinking" | "call" | "output" | "error";

export interface PlainLine {
  kind: PlainLineKind;
  text: string;
}

export interface PlainOptions {
  /** Columns of the terminal. */
  width: number;
  /** Lines kept of one tool's or command's output; the rest is counted. Default 12. */
  outputLines?: number;
  /** IANA name of the zone that times are shown in. Default: the machine's. */
  timeZone?: string;
}

const DEFAULT_OUTPUT_LINES = 12;
/** Narrower than this, wrapping gives columns of single words. */
const MIN_WIDTH = 20;
const INDENT = "  ";

/**
 * A transcript for a terminal: a heading per message (`#2 user · 2026-11-21 04:50`), the text wrapped and
 * indented below it. Escape sequences and control characters of messages never get through.
 */
export function toPlainLines(transcript: readonly TranscriptMessage[], options: PlainOptions): PlainLine[] {
  const lines: PlainLine[] = [];
  const clock = new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "short",
    ...(options.timeZone === undefined ? {} : { timeZone: options.timeZone }),
  });
  for (const message of transcript) {
    if (lines.length > 0) lines.push({ kind: "text", text: "" });
    const time = message.timestamp ? ` · ${clock.format(message.timestamp)}` : "";
    lines.push({ kind: "heading", text: `${titleOf(message)}${time}` });
    lines.push(...bodyOf(message, options));
  }
  return lines;
}

/** The same as one string, uncoloured; empty for an empty transcript. */
export function toPlainText(transcript: readonly TranscriptMessage[], options: PlainOptions): string {
  return toPlainLines(transcript, options)
    .map((line) => `${line.text}\n`)
    .join("");
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
    case "custom":
      return sanitize(message.kind ?? "extension");
  }
}

function bodyOf(message: TranscriptMessage, options: PlainOptions): PlainLine[] {
  const width = Math.max(MIN_WIDTH, options.width) - INDENT.length;
  const lines: PlainLine[] = [];
  const add = (kind: PlainLineKind, texts: readonly string[]) => {
    for (const text of texts) lines.push({ kind, text: text === "" ? "" : INDENT + text });
  };
  const wrapped = (text: string) => wrap(sanitize(text).trimEnd(), width);
  if (message.thinking) add("thinking", wrapped(message.thinking));
  if (message.command !== undefined) add("call", [clip(`$ ${oneLine(message.command)}`, width)]);
  if (message.role === "tool" || message.role === "bash") {
    add(message.isError ? "error" : "output", outputLines(message.text, width, options));
  } else if (message.text !== "") add("text", wrapped(message.text));
  for (const call of message.toolCalls ?? []) {
    add("call", [clip(`→ ${oneLine(call.name)} ${oneLine(JSON.stringify(call.args))}`, width)]);
  }
  if (message.images) add("output", [`(${message.images} ${message.images === 1 ? "image" : "images"})`]);
  if (message.errorMessage) add("error", wrapped(message.errorMessage));
  else if (message.stopReason === "aborted" || message.stopReason === "length") {
    add("error", [`(${message.stopReason === "length" ? "cut at the length limit" : "aborted"})`]);
  }
  return lines;
}

function outputLines(text: string, width: number, options: PlainOptions): string[] {
  const all = sanitize(text).trimEnd().split("\n");
  if (all.length === 1 && all[0] === "") return [];
  const limit = options.outputLines ?? DEFAULT_OUTPUT_LINES;
  const shown = all.slice(0, limit).map((line) => clip(line, width));
  const rest = all.length - shown.length;
  return rest === 0 ? shown : [...shown, `… ${rest} more ${rest === 1 ? "line" : "lines"}`];
}

function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
