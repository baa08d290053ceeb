import * as z from "zod/mini";
import { question, questionState } from "./question.ts";
import { sessionState, turn } from "./session.ts";

/** First record on a connection, from the daemon. */
export const serverReady = z.object({
  type: z.literal("server_ready"),
  data: z.object({
    version: z.string(),
    protocolVersion: z.string(),
    /** Identifies the build, so that a newer one of the same version can replace it. */
    build: z.string(),
    pid: z.number(),
    /** False when replacing this daemon would interrupt nothing. */
    busy: z.boolean(),
    /** The longest frame that is taken. */
    maxMessageBytes: z.number(),
  }),
});
export type ServerReady = z.infer<typeof serverReady>;

const resourceLimit = z.nullable(z.int().check(z.minimum(0)));

/** The client's answer to `server_ready`. */
export const clientReady = z.object({
  type: z.literal("client_ready"),
  data: z.object({
    version: z.string(),
    protocolVersion: z.string(),
    pid: z.optional(z.number()),
    /**
     * Environment of the shell, for an agent that a request of this connection starts. Held in memory only.
     */
    environment: z.optional(z.record(z.string(), z.string())),
    /** Its umask, for such an agent. */
    umask: z.optional(z.int().check(z.minimum(0), z.maximum(0o777))),
    /** Its resource limits by their name in prlimit(1), each soft and hard; null: unlimited. */
    limits: z.optional(z.record(z.string(), z.tuple([resourceLimit, resourceLimit]))),
  }),
});
export type ClientReady = z.infer<typeof clientReady>;

export const errorBody = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.optional(z.string()),
  details: z.optional(z.record(z.string(), z.unknown())),
  retryable: z.boolean(),
});

export const response = z.object({
  id: z.optional(z.string()),
  type: z.literal("response"),
  command: z.string(),
  success: z.boolean(),
  data: z.optional(z.unknown()),
  error: z.optional(errorBody),
  protocolVersion: z.string(),
});
export type Response = z.infer<typeof response>;

/** pi's own record, unchanged. */
export const eventRecord = z.object({
  type: z.literal("event"),
  sessionId: z.string(),
  seq: z.number(),
  event: z.looseObject({ type: z.string() }),
});
export type EventRecord = z.infer<typeof eventRecord>;

export const turnRecord = z.object({
  type: z.literal("turn"),
  sessionId: z.string(),
  seq: z.number(),
  turn,
});
export type TurnRecord = z.infer<typeof turnRecord>;

export const stateRecord = z.object({
  type: z.literal("state"),
  sessionId: z.string(),
  seq: z.number(),
  state: sessionState,
});
export type StateRecord = z.infer<typeof stateRecord>;

/** A question was opened, or is no longer open. One that the policy answers at once is never `open`. */
export const questionRecord = z.object({
  type: z.literal("question"),
  sessionId: z.string(),
  seq: z.number(),
  state: questionState,
  question,
});
export type QuestionRecord = z.infer<typeof questionRecord>;

/** Records from `fromSeq` to `toSeq` were dropped before this subscriber had them. */
export const gapRecord = z.object({
  type: z.literal("gap"),
  sessionId: z.string(),
  fromSeq: z.number(),
  toSeq: z.number(),
});
export type GapRecord = z.infer<typeof gapRecord>;

/** A request of this connection named a session of another directory; sent before its response. */
export const sessionElsewhere = z.object({
  type: z.literal("session_elsewhere"),
  data: z.object({ sessionId: z.string(), name: z.string(), cwd: z.string() }),
});
export type SessionElsewhere = z.infer<typeof sessionElsewhere>;

export const serverShutdown = z.object({
  type: z.literal("server_shutdown"),
  data: z.object({ reason: z.string() }),
});
export type ServerShutdown = z.infer<typeof serverShutdown>;

/** Everything that the daemon sends without being asked, per session. */
export type PushRecord = EventRecord | TurnRecord | StateRecord | QuestionRecord | GapRecord;

export type ServerRecord = ServerReady | Response | PushRecord | SessionElsewhere | ServerShutdown;
