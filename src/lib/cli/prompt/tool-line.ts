import type { MessageEvent } from "./turn-view.ts";

/** Enough to recognise a command or a path by. */
const MAX_ARGUMENT_CHARS = 100;

/** One line about a tool call: what it was given when it starts, and (only) a failure when it ends. */
export function describeToolCall(event: MessageEvent): string | undefined {
  const name = event.toolName ?? "tool";
  if (event.type === "tool_execution_start") return `› ${name} ${describeArguments(event.args)}`.trimEnd();
  if (!event.isError) return undefined;
  const text = (event.result?.content ?? []).map((block) => block.text ?? "").join(" ");
  return `✖ ${name} failed: ${cut(text)}`;
}

function describeArguments(args: unknown): string {
  if (typeof args !== "object" || args === null) return "";
  const { command, path, pattern, ...rest } = args as Record<string, unknown>;
  const main = command ?? path ?? pattern;
  return cut(typeof main === "string" ? main : JSON.stringify(rest));
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_ARGUMENT_CHARS ? `${line.slice(0, MAX_ARGUMENT_CHARS - 1)}…` : line;
}
