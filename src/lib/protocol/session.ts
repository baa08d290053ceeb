import * as z from "zod/mini";
import { sandboxProfiles, thinkingLevels } from "../core/choices.ts";
import { question } from "./question.ts";

/** What a session is doing. `parked`: known, without an agent, resumed by the next prompt. */
export const sessionState = z.enum([
  "starting",
  "idle",
  "working",
  "compacting",
  "waiting",
  "parked",
  "stopped",
]);
export type SessionState = z.infer<typeof sessionState>;

export const thinkingLevel = z.enum(thinkingLevels);

/** How the agent of a session is started. Kept in the registry, so it never holds an environment value. */
export const sessionOptions = z.strictObject({
  /** `provider/id`, an id or a pattern as pi takes it, or `scripted/…`. */
  model: z.optional(z.string().check(z.minLength(1))),
  thinking: z.optional(thinkingLevel),
  /** Comma-separated allowlist, as pi's `--tools`. */
  tools: z.optional(z.string()),
  excludeTools: z.optional(z.string()),
  /** The text. A single word that begins with `/` is the path of a file, which is read once, at creation. */
  systemPrompt: z.optional(z.string()),
  appendSystemPrompt: z.optional(z.array(z.string())),
  /** Kept in the agent's memory only; gone when the agent ends. */
  ephemeral: z.optional(z.boolean()),
  /** pi's project trust. Absent: nothing of the project is trusted. */
  approve: z.optional(z.boolean()),
  /** The agent runs in a sandbox of at least this profile, whatever the files say. */
  sandbox: z.optional(z.enum(sandboxProfiles)),
  /** It runs without one, where the user's file allows that. */
  noSandbox: z.optional(z.boolean()),
  /** Arguments that go to pi as they are. */
  piArgs: z.optional(z.array(z.string())),
});
export type SessionOptions = z.infer<typeof sessionOptions>;

export const tokenTotals = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
  total: z.number(),
});

/** One session as listings and `session show` give it. Times are milliseconds since the epoch. */
export const sessionInfo = z.object({
  id: z.string(),
  name: z.optional(z.string()),
  state: sessionState,
  cwd: z.string(),
  /** Absolute path of pi's session file; absent for an ephemeral session and before the first answer. */
  file: z.optional(z.string()),
  model: z.optional(z.string()),
  thinking: z.optional(z.string()),
  messages: z.number(),
  tokens: tokenTotals,
  /** US dollars. */
  cost: z.number(),
  createdAt: z.number(),
  modifiedAt: z.number(),
  firstMessage: z.optional(z.string()),
  /** The current session of its directory. */
  current: z.boolean(),
  ephemeral: z.boolean(),
  /** Whether pictl started it or pi's own terminal interface did. */
  origin: z.enum(["pictl", "pi"]),
  /** Profile of the sandbox that its agent runs in, or has to. */
  sandbox: z.optional(z.enum(sandboxProfiles)),
  /** Process id of the live agent. */
  agentPid: z.optional(z.number()),
  /** The running turn, and how many prompts wait behind it. */
  turnId: z.optional(z.string()),
  queued: z.number(),
  /** What waits for an answer, the oldest first; absent when nothing does. */
  questions: z.optional(z.array(question)),
  /** Path of the session that this one was forked or cloned from. */
  parentSession: z.optional(z.string()),
  /** How the last turn ended when it was cut by the end of its agent or of the daemon. */
  interrupted: z.optional(z.boolean()),
  /** Another file holds this session, too: the one that its id means, when pictl has used that before. */
  copyOf: z.optional(z.string()),
  /** How its agent is started, as asked for at creation; only where one session is shown. */
  options: z.optional(sessionOptions),
  /** Another daemon with the same registry, but another socket, runs a turn in it. */
  usedElsewhere: z.optional(z.boolean()),
});
export type SessionInfo = z.infer<typeof sessionInfo>;

export const turnOutcome = z.enum(["completed", "failed", "aborted", "truncated", "died", "handled"]);
export type TurnOutcome = z.infer<typeof turnOutcome>;

/** A turn from the prompt to `agent_settled`, as its `turn` records tell it. */
export const turn = z.object({
  id: z.string(),
  state: z.enum(["queued", "started", "ended"]),
  /** Prompts ahead of a queued one. */
  ahead: z.optional(z.number()),
  /** Why a queued one waits, when it isn't for prompts ahead of it in its session. */
  because: z.optional(z.string()),
  outcome: z.optional(turnOutcome),
  /** Text of the last assistant message that said something. */
  text: z.optional(z.string()),
  error: z.optional(
    z.object({
      code: z.string(),
      message: z.string(),
      hint: z.optional(z.string()),
      /** Whether the same prompt may succeed when it is sent again. */
      retryable: z.optional(z.boolean()),
    }),
  ),
  model: z.optional(z.string()),
  tokens: z.optional(tokenTotals),
  cost: z.optional(z.number()),
  durationMs: z.optional(z.number()),
  toolCalls: z.optional(z.number()),
  /** Pid of the client whose `abort` ended it. */
  abortedBy: z.optional(z.number()),
});
export type Turn = z.infer<typeof turn>;
