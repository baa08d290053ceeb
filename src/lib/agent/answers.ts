import * as z from "zod/mini";
import { PictlError } from "../core/errors.ts";

const model = z.object({ provider: z.string(), id: z.string() });
const branched = z.object({ cancelled: z.boolean(), text: z.optional(z.string()) });
const moved = z.object({ cancelled: z.boolean() });

/**
 * The `data` of pi's answers that pictl uses or shows itself, as far as it reads them; they may hold more. An extension, or
 * what runs in a sandbox, may answer for pi, and pi adds up what a session's file says without looking at it. Source:
 * docs/rpc.md of pi.
 */
const ANSWERS = {
  get_state: z.object({
    model: z.optional(model),
    thinkingLevel: z.optional(z.string()),
    isStreaming: z.boolean(),
    isCompacting: z.boolean(),
    sessionFile: z.optional(z.string()),
    sessionId: z.string(),
    sessionName: z.optional(z.string()),
    messageCount: z.number(),
  }),
  get_available_models: z.object({ models: z.array(model) }),
  get_session_stats: z.object({
    sessionId: z.string(),
    sessionFile: z.optional(z.string()),
    userMessages: z.number(),
    assistantMessages: z.number(),
    toolCalls: z.number(),
    toolResults: z.number(),
    totalMessages: z.number(),
    tokens: z.object({
      input: z.number(),
      output: z.number(),
      cacheRead: z.number(),
      cacheWrite: z.number(),
      total: z.number(),
    }),
    cost: z.number(),
    contextUsage: z.optional(
      z.object({
        tokens: z.nullable(z.number()),
        contextWindow: z.number(),
        percent: z.nullable(z.number()),
      }),
    ),
  }),
  get_commands: z.object({
    commands: z.array(
      z.object({ name: z.string(), description: z.optional(z.string()), source: z.string() }),
    ),
  }),
  get_fork_messages: z.object({ messages: z.array(z.object({ entryId: z.string() })) }),
  clear_queue: z.object({ steering: z.array(z.string()), followUp: z.array(z.string()) }),
  fork: branched,
  clone: branched,
  new_session: moved,
  switch_session: moved,
};

type Answers = { [Type in keyof typeof ANSWERS]: z.output<(typeof ANSWERS)[Type]> };

/** What a command is answered with; unknown for those whose answer only passes through pictl. */
export type AnswerTo<Type extends string> = Type extends keyof Answers ? Answers[Type] : unknown;

/** pi's `get_state`, as far as pictl reads it. */
export type AgentState = Answers["get_state"];

/**
 * The same data, once it is what the command is answered with.
 *
 * @throws PictlError with this code, naming what is wrong with it
 */
export function checkedAnswer<Type extends string>(
  type: Type,
  data: unknown,
  code: "AGENT_COMMAND_FAILED" | "AGENT_START_FAILED" = "AGENT_COMMAND_FAILED",
): AnswerTo<Type> {
  const schema = Object.hasOwn(ANSWERS, type) ? ANSWERS[type as keyof Answers] : undefined;
  const problem = schema?.safeParse(data).error?.issues[0];
  if (problem === undefined) return data as AnswerTo<Type>;
  const where = problem.path.length > 0 ? `${problem.path.join(".")}: ` : "";
  throw new PictlError(code, `pi answered ${type} with something else (${where}${problem.message}).`, {
    hint: "An extension of pi, or what the agent has run, may have answered for it. `pictl doctor` tells which pi it is.",
    details: { command: type },
  });
}
