import type { JsonObject } from "../../core/session-files/json.ts";
import type { TranscriptMessage, TranscriptToolCall } from "../../protocol/transcript.ts";

/** What stands above the conversation. Times are milliseconds since the epoch. */
export interface DocumentInfo {
  id: string;
  name?: string | undefined;
  cwd?: string | undefined;
  model?: string | undefined;
  createdAt?: number | undefined;
}

/**
 * A session as a Markdown document. Whatever tools said is kept whole, in fences longer than any run of
 * backticks inside; user text is quoted, and an answer's own open fence is closed, so that no message can
 * run over into the next one. Times are UTC, so that the same session always gives the same document.
 */
export function toMarkdown(info: DocumentInfo, transcript: readonly TranscriptMessage[]): string {
  const facts = [
    `- Session: ${inlineCode(info.id)}`,
    ...(info.cwd ? [`- Directory: ${inlineCode(info.cwd)}`] : []),
    ...(info.model ? [`- Model: ${inlineCode(info.model)}`] : []),
    ...(info.createdAt ? [`- Created: ${utc(info.createdAt)}`] : []),
  ];
  const parts = [`# ${oneLine(info.name ?? `pi session ${info.id}`)}`, facts.join("\n")];
  for (const message of transcript) parts.push(...messageParts(message));
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** A fenced block that its content can't end. */
export function fence(content: string, language = ""): string {
  const longest = Math.max(0, ...(content.match(/`{3,}/g) ?? []).map((run) => run.length));
  const ticks = "`".repeat(Math.max(3, longest + 1));
  return `${ticks}${language}\n${content}${content.endsWith("\n") ? "" : "\n"}${ticks}`;
}

function messageParts(message: TranscriptMessage): string[] {
  const images = message.images ? `*(${message.images} ${message.images === 1 ? "image" : "images"})*` : "";
  switch (message.role) {
    case "user":
      return [heading(`${message.number} · User`, message), quote(message.text), images];
    case "assistant":
      return assistantParts(message);
    case "tool":
      return [
        `**Result of ${inlineCode(message.toolName ?? "tool")}**${message.isError ? " (error)" : ""}`,
        message.text === "" ? (images === "" ? "*(no output)*" : "") : fence(message.text),
        images,
      ];
    case "bash":
      return [
        heading("Shell command", message),
        fence(message.command ?? "", "sh"),
        message.text === "" ? "" : fence(message.text),
        message.exitCode ? `Exit code ${message.exitCode}` : "",
      ];
    case "summary":
      return [
        heading(
          message.kind === "branch" ? "Summary of another branch" : "Compaction: summary so far",
          message,
        ),
        quote(message.text),
      ];
    case "custom":
      return [heading(oneLine(message.kind ?? "Extension"), message), quote(message.text), images];
  }
}

function assistantParts(message: TranscriptMessage): string[] {
  return [
    heading(`Assistant${message.model ? ` (${oneLine(message.model)})` : ""}`, message),
    ...(message.thinking ? ["*Thinking:*", fence(message.thinking, "text")] : []),
    closeOpenFence(message.text),
    ...(message.toolCalls ?? []).flatMap(toolCallParts),
    ...(message.errorMessage
      ? [`**Failed** (${message.stopReason ?? "error"}):`, fence(message.errorMessage)]
      : []),
    !message.errorMessage && (message.stopReason === "aborted" || message.stopReason === "length")
      ? `**Stopped:** ${message.stopReason}`
      : "",
  ];
}

/** Arguments of several lines (commands, files to write) stand on their own: as JSON strings nobody can read them. */
function toolCallParts(call: TranscriptToolCall): string[] {
  const long = Object.entries(call.args).filter(
    ([, value]) => typeof value === "string" && value.includes("\n"),
  );
  const short: JsonObject = Object.fromEntries(
    Object.entries(call.args).filter(([key]) => !long.some(([k]) => k === key)),
  );
  return [
    `**Tool call ${inlineCode(call.name)}**`,
    Object.keys(short).length === 0 ? "" : fence(JSON.stringify(short, null, 2), "json"),
    ...long.flatMap(([key, value]) => [`${inlineCode(key)}:`, fence(String(value))]),
  ];
}

function heading(title: string, message: TranscriptMessage): string {
  return `## ${title}${message.timestamp ? ` · ${utc(message.timestamp)}` : ""}`;
}

function quote(text: string): string {
  if (text === "") return "";
  return text
    .replace(/\n+$/, "")
    .split(/\r?\n/)
    .map((line) => (line === "" ? ">" : `> ${line}`))
    .join("\n");
}

/** Adds the end of a code fence that the text leaves open, by CommonMark's rule: same character, at least as long. */
function closeOpenFence(text: string): string {
  let open: string | undefined;
  for (const line of text.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    const run = mark?.[1] ?? "";
    const rest = mark?.[2] ?? "";
    if (run === "") continue;
    if (open === undefined) {
      if (!(run.startsWith("`") && rest.includes("`"))) open = run;
    } else if (run[0] === open[0] && run.length >= open.length && rest.trim() === "") open = undefined;
  }
  return open === undefined ? text : `${text.replace(/\n$/, "")}\n${open}`;
}

function inlineCode(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const ticks = "`".repeat(longest + 1);
  const padding = longest > 0 ? " " : "";
  return `${ticks}${padding}${oneLine(text)}${padding}${ticks}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ").trim();
}

function utc(time: number): string {
  const date = new Date(time);
  // A time beyond what a Date can hold: toISOString would throw.
  return Number.isNaN(date.getTime()) ? "" : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
