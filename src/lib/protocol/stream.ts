import * as z from "zod/mini";
import { question, questionState } from "./question.ts";
import { sessionState, tokenTotals, turnOutcome } from "./session.ts";
import { STREAM_VERSION } from "./version.ts";

/**
 * `seq` is the place in the session's own order, for `session watch --since`: one record of the agent can
 * become several here, with the same `seq`. What a client says by itself has none.
 */
const common = { v: z.literal(STREAM_VERSION), sessionId: z.string(), seq: z.optional(z.number()) };

const streamError = {
  code: z.string(),
  message: z.string(),
  hint: z.optional(z.string()),
  retryable: z.optional(z.boolean()),
};

/**
 * The records of `--format stream-json`, one a line. The words are pictl's own and don't depend on the agent.
 * Published as schemas/stream-json.schema.json.
 */
export const streamRecord = z.discriminatedUnion("type", [
  /** A prompt waits; `ahead` others go before it. */
  z.object({
    ...common,
    type: z.literal("turn_queued"),
    turnId: z.string(),
    ahead: z.number(),
    /** Why it waits, when it isn't for prompts ahead of it. */
    because: z.optional(z.string()),
  }),
  z.object({ ...common, type: z.literal("turn_started"), turnId: z.string() }),
  /** A piece of the assistant's answer as it comes. */
  z.object({ ...common, type: z.literal("text"), text: z.string() }),
  /** A piece of its thinking as it comes. */
  z.object({ ...common, type: z.literal("thinking"), text: z.string() }),
  /** A message that is complete. It is authoritative where its pieces were missed. */
  z.object({
    ...common,
    type: z.literal("message"),
    role: z.enum(["user", "assistant", "custom"]),
    text: z.string(),
    thinking: z.optional(z.string()),
    /** How many images it holds. */
    images: z.optional(z.number()),
    /** `provider/id`, of the assistant. */
    model: z.optional(z.string()),
    /** The thinking level that was asked for, of the assistant. */
    thinkingLevel: z.optional(z.string()),
    /** `stop`, `tools`, `length`, `error` or `aborted`: why the assistant ended it. */
    stopReason: z.optional(z.string()),
  }),
  /** A tool call: `started` with its arguments, `running` with its output so far, then `completed` or `failed`. */
  z.object({
    ...common,
    type: z.literal("tool"),
    id: z.string(),
    name: z.string(),
    /** `id` of the call whose tool made this one. */
    parentId: z.optional(z.string()),
    state: z.enum(["started", "running", "completed", "failed"]),
    args: z.optional(z.unknown()),
    output: z.optional(z.string()),
    /** How long the tool ran, at its end. */
    durationMs: z.optional(z.number()),
  }),
  /** Output of a command that a person runs in the session (`session bash`), as it comes. */
  z.object({ ...common, type: z.literal("shell"), text: z.string() }),
  z.object({ ...common, type: z.literal("question"), state: questionState, question }),
  /** What the agent or an extension of it wants to be seen. `key` names what a status or a widget replaces. */
  z.object({
    ...common,
    type: z.literal("notice"),
    kind: z.enum(["notification", "status", "widget", "title", "prefill", "retry", "compaction", "problem"]),
    level: z.enum(["info", "warning", "error"]),
    key: z.optional(z.string()),
    text: z.string(),
    /** The agent tries again: the last message of the assistant, and its pieces, do not count. */
    voids: z.optional(z.literal(true)),
  }),
  /** Messages that wait inside the running turn: all of them, each time one comes or goes. */
  z.object({
    ...common,
    type: z.literal("queue"),
    steering: z.array(z.string()),
    followUp: z.array(z.string()),
  }),
  z.object({ ...common, type: z.literal("state"), state: sessionState }),
  /** What the turn that ends has used. */
  z.object({
    ...common,
    type: z.literal("usage"),
    turnId: z.string(),
    model: z.optional(z.string()),
    tokens: tokenTotals,
    /** US dollars. */
    cost: z.number(),
  }),
  /** So many records were dropped because they were not read in time, or too long ago. */
  z.object({ ...common, type: z.literal("gap"), missed: z.number() }),
  /** Why a turn did not end as it should, or why nobody waits for its end any more. */
  z.object({ ...common, type: z.literal("error"), turnId: z.optional(z.string()), ...streamError }),
  /** The last record of a turn. `text` is that of the last message that said something. */
  z.object({
    ...common,
    type: z.literal("turn_ended"),
    turnId: z.string(),
    outcome: turnOutcome,
    text: z.string(),
    toolCalls: z.number(),
    durationMs: z.number(),
  }),
]);
export type StreamRecord = z.infer<typeof streamRecord>;
