import { cutText } from "../../core/cut-text.ts";
import { sanitize } from "../render/text-width.ts";

/** The argument that says most about a call, by the names that pi's tools give it. */
const TELLING = ["command", "path", "file_path", "pattern", "query", "url"] as const;
/** What a screen has room for, whatever its width. */
const MAX_CHARS = 300;

/** What a tool call is about, in one line. */
export function summarizeArguments(args: unknown): string {
  if (typeof args !== "object" || args === null) return oneLine(args === undefined ? "" : String(args));
  const values = args as Record<string, unknown>;
  const telling = TELLING.flatMap((name) => (typeof values[name] === "string" ? [values[name]] : []));
  if (telling.length > 0) return oneLine(telling.join(" "));
  return Object.keys(values).length === 0 ? "" : oneLine(JSON.stringify(args));
}

/** A call's arguments, each on a line or in lines of its own. */
export function describeArguments(args: unknown): string[] {
  if (typeof args !== "object" || args === null) return [];
  return Object.entries(args).flatMap(([name, value]) => {
    if (Array.isArray(value) && value.every(isReplacement)) return value.flatMap(describeReplacement);
    const text = sanitize(typeof value === "string" ? value : JSON.stringify(value));
    return text.includes("\n")
      ? [`${name}:`, ...text.split("\n").map((line) => `  ${line}`)]
      : [`${name}: ${text}`];
  });
}

interface Replacement {
  oldText: string;
  newText: string;
}

/** As pi's edit tool takes it. */
function isReplacement(value: unknown): value is Replacement {
  if (typeof value !== "object" || value === null) return false;
  const { oldText, newText } = value as Partial<Replacement>;
  return typeof oldText === "string" && typeof newText === "string";
}

function describeReplacement({ oldText, newText }: Replacement): string[] {
  const marked = (mark: string, text: string) =>
    sanitize(text.replace(/\n$/, ""))
      .split("\n")
      .map((line) => `${mark} ${line}`);
  return [...marked("-", oldText), ...marked("+", newText)];
}

/** What a call has brought, for the end of its line: `3 lines`. */
export function summarizeOutput(output: string): string {
  const text = output.trimEnd();
  // pi's words for nothing.
  if (text === "" || text === "(no output)") return "";
  const lines = text.split("\n").length;
  return lines === 1 ? "1 line" : `${lines} lines`;
}

function oneLine(text: string): string {
  const line = sanitize(cutText(text, MAX_CHARS * 2)).replace(/\s+/g, " ");
  return cutText(line.trim(), MAX_CHARS);
}
