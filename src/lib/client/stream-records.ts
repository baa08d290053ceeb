import type { EventRecord, PushRecord } from "../protocol/records.ts";
import type { Turn } from "../protocol/session.ts";
import type { StreamRecord } from "../protocol/stream.ts";
import { STREAM_VERSION } from "../protocol/version.ts";

/** A stream record without what all of them have. */
type Body = StreamRecord extends infer R
  ? R extends unknown
    ? Omit<R, "v" | "sessionId" | "seq">
    : never
  : never;
type Notice = Extract<Body, { type: "notice" }>;

type Block = { type: string; text?: string; thinking?: string };

/** pi's events, as far as the vocabulary tells them (pi's json.md and rpc-extension-ui.md). */
interface PiEvent {
  type: string;
  assistantMessageEvent?: { type: string; delta?: string };
  message?: {
    role: string;
    content?: Block[] | string;
    provider?: string;
    model?: string;
    thinkingLevel?: string;
    stopReason?: string;
    display?: boolean;
  };
  toolCallId?: string;
  parentToolCallId?: string;
  toolName?: string;
  args?: unknown;
  result?: { content?: Block[] };
  partialResult?: { content?: Block[] };
  isError?: boolean;
  delta?: string;
  steering?: string[];
  followUp?: string[];
  [field: string]: unknown;
}

/**
 * What a record of the daemon says in pictl's own vocabulary: none, one or several records, in order. Without a
 * memory, so that every subscriber of a session gets the same ones, whenever it began.
 */
export function toStreamRecords(record: PushRecord): StreamRecord[] {
  const { sessionId } = record;
  if (record.type === "gap") {
    return [{ v: STREAM_VERSION, sessionId, type: "gap", missed: record.toSeq - record.fromSeq + 1 }];
  }
  return bodiesOf(record).map(({ type, ...body }) => {
    return { v: STREAM_VERSION, type, sessionId, seq: record.seq, ...body } as StreamRecord;
  });
}

function bodiesOf(record: Exclude<PushRecord, { type: "gap" }>): Body[] {
  switch (record.type) {
    case "state":
      return [{ type: "state", state: record.state }];
    case "question":
      return [{ type: "question", state: record.state, question: record.question }];
    case "turn":
      return fromTurn(record.turn);
    case "event":
      return fromEvent(record.event as PiEvent);
  }
}

function fromTurn(turn: Turn): Body[] {
  const turnId = turn.id;
  if (turn.state === "queued") {
    const { ahead = 0, because } = turn;
    return [{ type: "turn_queued", turnId, ahead, ...(because === undefined ? {} : { because }) }];
  }
  if (turn.state === "started") return [{ type: "turn_started", turnId }];
  const { tokens, cost, model, error } = turn;
  const used = tokens !== undefined && cost !== undefined;
  return [
    ...(used ? [{ type: "usage" as const, turnId, ...(model ? { model } : {}), tokens, cost }] : []),
    ...(error === undefined ? [] : [{ type: "error" as const, turnId, ...error }]),
    {
      type: "turn_ended",
      turnId,
      outcome: turn.outcome ?? "died",
      text: (turn.text ?? "").toWellFormed(),
      toolCalls: turn.toolCalls ?? 0,
      durationMs: turn.durationMs ?? 0,
    },
  ];
}

function fromEvent(event: PiEvent): Body[] {
  switch (event.type) {
    case "message_update":
      return fromDelta(event.assistantMessageEvent);
    case "message_end":
      return fromMessage(event.message);
    case "tool_execution_start":
    case "tool_execution_update":
    case "tool_execution_end":
      return [fromTool(event)];
    case "bash_execution_update":
      return [{ type: "shell", text: event.delta ?? "" }];
    case "queue_update":
      return [{ type: "queue", steering: event.steering ?? [], followUp: event.followUp ?? [] }];
    default: {
      const body = event.type === "extension_ui_request" ? fromExtension(event) : fromWork(event);
      return body === undefined ? [] : [{ type: "notice", ...body }];
    }
  }
}

function fromDelta(delta: PiEvent["assistantMessageEvent"]): Body[] {
  // An end has a delta only where half a character was left over (join-deltas.ts).
  if (!delta?.delta) return [];
  const kind = /^(text|thinking)_(?:delta|end)$/.exec(delta.type ?? "")?.[1] as
    | "text"
    | "thinking"
    | undefined;
  return kind === undefined ? [] : [{ type: kind, text: delta.delta }];
}

function fromMessage(message: PiEvent["message"]): Body[] {
  if (message === undefined) return [];
  const { role, content = "", display } = message;
  const blocks: Block[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const text = textOf(blocks);
  if (role === "user") {
    const images = blocks.filter((block) => block.type === "image").length;
    return [{ type: "message", role, text, ...(images > 0 ? { images } : {}) }];
  }
  // An extension's own message, unless it is for the model alone.
  if (role === "custom" && display !== false) return [{ type: "message", role, text }];
  if (role !== "assistant") return [];
  const thinking = blocks.map((block) => (block.type === "thinking" ? (block.thinking ?? "") : "")).join("");
  return [
    {
      type: "message",
      role,
      text,
      ...(thinking === "" ? {} : { thinking }),
      ...(message.provider === undefined ? {} : { model: `${message.provider}/${message.model}` }),
      ...(message.thinkingLevel === undefined ? {} : { thinkingLevel: message.thinkingLevel }),
      ...(message.stopReason === undefined ? {} : { stopReason: stopReasonOf(message.stopReason) }),
    },
  ];
}

function stopReasonOf(reason: string): string {
  return reason === "toolUse" ? "tools" : reason;
}

function fromTool(event: PiEvent): Body {
  const { toolCallId: id = "", toolName: name = "", parentToolCallId: parentId, durationMs } = event;
  const call = { type: "tool" as const, id, name, ...(parentId === undefined ? {} : { parentId }) };
  switch (event.type) {
    case "tool_execution_start":
      return { ...call, state: "started", args: event.args };
    case "tool_execution_update":
      return { ...call, state: "running", output: textOf(event.partialResult?.content ?? []) };
    default: {
      const output = textOf(event.result?.content ?? []);
      const state = event.isError ? "failed" : "completed";
      return { ...call, state, output, ...(typeof durationMs === "number" ? { durationMs } : {}) };
    }
  }
}

/** What an extension shows without asking; its dialogs come as `question` records. */
function fromExtension(event: PiEvent): Omit<Notice, "type"> | undefined {
  const { method, message, notifyType, statusKey, statusText, widgetKey, widgetLines, title, text } = event;
  switch (method) {
    case "notify": {
      const level = notifyType === "warning" || notifyType === "error" ? notifyType : "info";
      return { kind: "notification", level, text: String(message ?? "") };
    }
    case "setStatus":
      return { kind: "status", level: "info", key: String(statusKey ?? ""), text: String(statusText ?? "") };
    case "setWidget": {
      const lines = Array.isArray(widgetLines) ? widgetLines.join("\n") : "";
      return { kind: "widget", level: "info", key: String(widgetKey ?? ""), text: lines };
    }
    case "setTitle":
      return { kind: "title", level: "info", text: String(title ?? "") };
    case "set_editor_text":
      return { kind: "prefill", level: "info", text: String(text ?? "") };
    default:
      return undefined;
  }
}

/** What happens to a turn beside its messages: retries, compactions, broken extensions. */
function fromWork(event: PiEvent): Omit<Notice, "type"> | undefined {
  const { attempt, maxAttempts, delayMs, errorMessage, finalError, success, reason, aborted, error } = event;
  switch (event.type) {
    case "auto_retry_start":
    case "summarization_retry_scheduled": {
      const wait = `in ${Number(delayMs ?? 0) / 1000} s (${attempt} of ${maxAttempts})`;
      const text = `Trying again ${wait}: ${errorMessage ?? "an error"}`;
      const voids = event.type === "auto_retry_start" ? { voids: true as const } : {};
      return { kind: "retry", level: "warning", text, ...voids };
    }
    case "auto_retry_end":
      if (success === true) return undefined;
      return { kind: "retry", level: "error", text: `Gave up: ${finalError ?? "an error"}` };
    case "compaction_start":
      return { kind: "compaction", level: "info", text: `Compacting the conversation (${reason})` };
    case "compaction_end":
      if (typeof errorMessage === "string") return { kind: "compaction", level: "error", text: errorMessage };
      return {
        kind: "compaction",
        level: "info",
        text: aborted === true ? "The compaction was aborted" : "The conversation was compacted",
        // The prompt was too long for the model: it is sent again.
        ...(event.willRetry === true ? { voids: true as const } : {}),
      };
    case "extension_error":
      return { kind: "problem", level: "error", text: `${event.extensionPath}: ${error}` };
    default:
      return undefined;
  }
}

function textOf(blocks: readonly Block[]): string {
  const text = blocks.map((block) => (block.type === "text" ? (block.text ?? "") : "")).join("");
  return text.toWellFormed();
}

/** pi's own record, as `--format pi` prints it; undefined for what only the daemon says. */
export function toPiRecord(record: PushRecord): EventRecord["event"] | undefined {
  return record.type === "event" ? record.event : undefined;
}
