import {
  asNumber,
  asObject,
  asString,
  contentText,
  type JsonObject,
  parseTime,
} from "../../core/session-files/json.ts";
import { addUsage } from "../../core/session-files/usage.ts";
import type { LineFacts } from "./summary-line.ts";

/** Characters of the first prompt that a listing keeps. */
const FIRST_MESSAGE_CHARACTERS = 200;

/** What a listing tells about a session. Totals cover the whole file: all branches, and what was compacted away. */
export interface SessionSummary {
  id: string;
  /** Empty for sessions so old that they didn't record it. */
  cwd: string;
  /** The latest name given; absent when it was cleared. */
  name?: string;
  /** Milliseconds since the epoch; 0 when the header has no readable time. */
  createdAt: number;
  /** Time of the last entry of any kind (not the file's own time), in milliseconds since the epoch. */
  modifiedAt: number;
  /** `provider/id` of the last answer or model change in the file. */
  model?: string;
  thinkingLevel?: string;
  /** Entries of type `message`, but for those of role `system`, which pi writes for itself. */
  messages: number;
  userMessages: number;
  /** As pi's `get_session_stats` counts: answers, tools that used a model, compactions, branch summaries, usage entries. */
  tokens: { input: number; output: number; cacheRead: number; cacheWrite: number; total: number };
  /** US dollars, over the same entries. */
  cost: number;
  /** Start of the first user text. */
  firstMessage?: string;
  /** Stop reason of the last assistant message in the file. */
  lastStopReason?: string;
  /** Path of the session that this one was forked or cloned from. */
  parentSession?: string;
  /** Version of the file's format; 1 when the header has none. */
  version: number;
  /** Lines that hold no entry: torn, foreign, too long. */
  brokenLines: number;
}

/** The summary of a session that has a header and nothing else yet; undefined when this isn't a header. */
export function startSummary(header: JsonObject, brokenLines: number): SessionSummary | undefined {
  const id = asString(header.id);
  if (header.type !== "session" || id === undefined) return undefined;
  const createdAt = parseTime(header.timestamp) ?? 0;
  const summary: SessionSummary = {
    id,
    cwd: asString(header.cwd) ?? "",
    createdAt,
    modifiedAt: createdAt,
    messages: 0,
    userMessages: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
    cost: 0,
    version: asNumber(header.version) ?? 1,
    brokenLines,
  };
  // Its name before it was called parentSession (pi's changelog).
  const parent = asString(header.parentSession) ?? asString(header.branchedFrom);
  if (parent !== undefined) summary.parentSession = parent;
  return summary;
}

/** Adds what one line after the header says. */
export function applyFacts(summary: SessionSummary, facts: LineFacts): void {
  if (facts.kind === "blank") return;
  if (facts.kind === "broken") {
    summary.brokenLines++;
    return;
  }
  if (facts.kind === "entry") {
    applyEntry(summary, facts.entry);
    return;
  }
  summary.modifiedAt = facts.time ?? summary.modifiedAt;
  if (facts.kind === "message") countMessage(summary, facts.role);
}

function applyEntry(summary: SessionSummary, entry: JsonObject): void {
  if (entry.type === "session") return;
  summary.modifiedAt = parseTime(entry.timestamp) ?? summary.modifiedAt;
  switch (entry.type) {
    case "message":
      applyMessage(summary, asObject(entry.message) ?? {});
      break;
    case "session_info": {
      const name = asString(entry.name)?.trim();
      if (name) summary.name = name;
      else delete summary.name;
      break;
    }
    case "model_change":
      setModel(summary, entry.provider, entry.modelId);
      break;
    case "thinking_level_change":
      if (typeof entry.thinkingLevel === "string") summary.thinkingLevel = entry.thinkingLevel;
      break;
    case "usage":
    case "compaction":
    case "branch_summary":
      addUsage(summary, entry.usage);
      break;
  }
}

function applyMessage(summary: SessionSummary, message: JsonObject): void {
  countMessage(summary, message.role);
  if (message.role === "user" && summary.firstMessage === undefined) {
    const text = contentText(message.content, " ");
    if (text !== "") summary.firstMessage = cut(text);
  } else if (message.role === "assistant") {
    setModel(summary, message.provider, message.model);
    if (typeof message.stopReason === "string") summary.lastStopReason = message.stopReason;
    addUsage(summary, message.usage);
  } else if (message.role === "toolResult") addUsage(summary, message.usage);
}

function countMessage(summary: SessionSummary, role: unknown): void {
  // The prompt and the tools that pi writes down first are nothing that anybody said.
  if (role === "system") return;
  summary.messages++;
  if (role === "user") summary.userMessages++;
}

function setModel(summary: SessionSummary, provider: unknown, id: unknown): void {
  if (typeof provider === "string" && typeof id === "string") summary.model = `${provider}/${id}`;
}

function cut(text: string): string {
  // By code points, or an emoji at the limit would be left as half a surrogate pair.
  return Array.from(text.slice(0, FIRST_MESSAGE_CHARACTERS * 2))
    .slice(0, FIRST_MESSAGE_CHARACTERS)
    .join("");
}
