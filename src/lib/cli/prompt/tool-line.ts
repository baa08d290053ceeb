import { abridgeText } from "../../core/cut-text.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { sanitize } from "../render/text-width.ts";

/** Enough to recognise a command or a path by. */
const MAX_ARGUMENT_CHARS = 100;

/** One line about a tool call: what it was given when it starts, and (only) a failure when it ends. */
export function describeToolCall(call: Extract<StreamRecord, { type: "tool" }>): string | undefined {
  if (call.state === "started") return `${toolLine(call.name)} ${describeArguments(call.args)}`.trimEnd();
  return call.state === "failed"
    ? `✖ ${sanitize(call.name) || "tool"} failed: ${oneLine(call.output ?? "")}`
    : undefined;
}

/** That a tool is used. */
export function toolLine(name: string): string {
  return `› ${sanitize(name) || "tool"}`;
}

/** What tells a call from others of its tool: its command, path or pattern, else all of its arguments. */
export function describeArguments(args: unknown): string {
  if (typeof args !== "object" || args === null) return "";
  const { command, path, pattern, ...rest } = args as Record<string, unknown>;
  const main = command ?? path ?? pattern;
  return oneLine(typeof main === "string" ? main : JSON.stringify(rest));
}

function oneLine(text: string): string {
  const line = sanitize(text).replace(/\s+/g, " ").trim();
  return abridgeText(line, MAX_ARGUMENT_CHARS);
}
