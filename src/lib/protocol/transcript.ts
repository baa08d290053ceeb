import * as z from "zod/mini";

export const transcriptRole = z.enum(["user", "assistant", "tool", "bash", "summary", "custom"]);

export const transcriptToolCall = z.object({
  id: z.string(),
  name: z.string(),
  args: z.record(z.string(), z.unknown()),
});
export type TranscriptToolCall = z.infer<typeof transcriptToolCall>;

/** Model usage of one message. Costs are US dollars. */
export const transcriptUsage = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
  cost: z.number(),
});
export type TranscriptUsage = z.infer<typeof transcriptUsage>;

/** One message of a session as a person reads it. */
export const transcriptMessage = z.object({
  /** Position among the user messages of the branch, from 1: what `pictl session fork --at N` takes. */
  number: z.optional(z.number()),
  entryId: z.string(),
  role: transcriptRole,
  /** The text; of a tool its result, of a direct shell command its output. */
  text: z.string(),
  thinking: z.optional(z.string()),
  toolCalls: z.optional(z.array(transcriptToolCall)),
  /** Of a tool's result: the call it answers. */
  toolCallId: z.optional(z.string()),
  toolName: z.optional(z.string()),
  isError: z.optional(z.boolean()),
  /** Of a direct shell command (`bash`). */
  command: z.optional(z.string()),
  exitCode: z.optional(z.number()),
  /** Of a summary what it summarizes; of a custom message the extension's own name for it. */
  kind: z.optional(z.string()),
  /** `provider/id`. */
  model: z.optional(z.string()),
  stopReason: z.optional(z.string()),
  errorMessage: z.optional(z.string()),
  usage: z.optional(transcriptUsage),
  /** Milliseconds since the epoch; 0 when the entry has no readable time. */
  timestamp: z.number(),
  /** How many images it holds. */
  images: z.optional(z.number()),
});
export type TranscriptMessage = z.infer<typeof transcriptMessage>;
