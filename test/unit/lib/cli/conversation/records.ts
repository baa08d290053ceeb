import type { SessionInfo } from "../../../../../src/lib/protocol/session.ts";
import type { StreamRecord } from "../../../../../src/lib/protocol/stream.ts";

type Body = StreamRecord extends infer R ? (R extends unknown ? Omit<R, "v" | "sessionId"> : never) : never;

/** Records of one session, without what all of them have. */
export function records(...bodies: Body[]): StreamRecord[] {
  return bodies.map((body) => ({ v: 1, sessionId: "s1", ...body }) as StreamRecord);
}

/** A session as the daemon tells of it. */
export function sessionInfo(part: Partial<SessionInfo> = {}): SessionInfo {
  return {
    id: "s1",
    state: "idle",
    cwd: "/work",
    messages: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
    cost: 0,
    createdAt: 0,
    modifiedAt: 0,
    current: true,
    ephemeral: false,
    origin: "pictl",
    queued: 0,
    ...part,
  };
}
