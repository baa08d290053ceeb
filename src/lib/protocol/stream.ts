import * as z from "zod/mini";
import { sessionState, tokenTotals, turnOutcome } from "./session.ts";

const sessionId = z.string();

/**
 * The records of `--format stream-json`, one a line. The words are pictl's own and don't depend on the agent;
 * a field may be added, none is ever renamed within a major version of the protocol.
 */
export const streamRecord = z.discriminatedUnion("type", [
  z.object({ type: z.literal("turn_queued"), sessionId, turnId: z.string(), ahead: z.number() }),
  z.object({ type: z.literal("turn_started"), sessionId, turnId: z.string() }),
  z.object({ type: z.literal("text"), sessionId, text: z.string() }),
  z.object({ type: z.literal("thinking"), sessionId, text: z.string() }),
  z.object({
    type: z.literal("tool"),
    sessionId,
    id: z.string(),
    name: z.string(),
    state: z.enum(["started", "completed", "failed"]),
    args: z.optional(z.unknown()),
    output: z.optional(z.string()),
  }),
  z.object({ type: z.literal("state"), sessionId, state: sessionState }),
  z.object({ type: z.literal("usage"), sessionId, tokens: tokenTotals, cost: z.number() }),
  z.object({ type: z.literal("gap"), sessionId, missed: z.number() }),
  z.object({ type: z.literal("error"), sessionId, code: z.string(), message: z.string() }),
  z.object({
    type: z.literal("turn_ended"),
    sessionId,
    turnId: z.string(),
    outcome: turnOutcome,
    text: z.string(),
    durationMs: z.number(),
  }),
]);
export type StreamRecord = z.infer<typeof streamRecord>;
