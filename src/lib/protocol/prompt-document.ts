import * as z from "zod/mini";
import { errorBody } from "./records.ts";
import { tokenTotals, turnOutcome } from "./session.ts";

export const promptToolCall = z.object({
  id: z.string(),
  name: z.string(),
  args: z.unknown(),
  /** Absent when the call had not ended, because the turn was cut. */
  isError: z.optional(z.boolean()),
});
export type PromptToolCall = z.infer<typeof promptToolCall>;

/**
 * The one document of `prompt --format json` and `prompt --json`, for a prompt that the agent has accepted. What
 * is null is not known, because the command stopped waiting before the turn ended (`error` says why).
 * Published as schemas/prompt-json.schema.json.
 */
export const promptDocument = z.object({
  sessionId: z.string(),
  turnId: z.string(),
  /** Whether this prompt created the session. */
  created: z.boolean(),
  outcome: z.nullable(turnOutcome),
  /** Text of the last assistant message that said something. */
  text: z.string(),
  toolCalls: z.array(promptToolCall),
  /** `provider/id`; null when no model answered. */
  model: z.nullable(z.string()),
  tokens: z.nullable(tokenTotals),
  /** US dollars. */
  cost: z.nullable(z.number()),
  durationMs: z.nullable(z.number()),
  /** Why the turn did not end normally, or why nobody waits for its end any more. */
  error: z.optional(errorBody),
});
export type PromptDocument = z.infer<typeof promptDocument>;
