import { statSync } from "node:fs";
import type { SandboxProfile } from "../core/choices.ts";
import type { SessionFile } from "../core/session-files/locate.ts";
import { KeptSessions, sandboxedDirectoryOf } from "../core/session-files/sandboxed-directory.ts";
import type { SessionInfo } from "../protocol/session.ts";
import { type SessionSummary, type SummaryState, summarize } from "./files/summary.ts";
import type { Registry } from "./registry.ts";
import type { RetriedWrites } from "./retried-writes.ts";
import type { Session } from "./session.ts";

const CACHE_PREFIX = "summary:";
/** Summaries kept in memory, about 1 KB each: more sessions than anybody lists, and a bound all the same. */
const MAX_SUMMARIES = 20_000;

const NO_TOKENS = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 };

/**
 * What is known of session files without reading them again. A file is read when it has changed, from where
 * it was left, and what was read survives the daemon.
 */
export class Summaries {
  readonly #registry: Registry;
  readonly #writes: RetriedWrites;
  #known: Map<string, SummaryState> | undefined;
  #changed = new Map<string, SummaryState>();
  readonly #kept = new KeptSessions();

  constructor(registry: Registry, writes: RetriedWrites) {
    this.#registry = registry;
    this.#writes = writes;
  }

  /**
   * @returns undefined when the file is gone, unreadable or not a session of pi's, or in the directory of a sandboxed
   *   session and not that one's
   */
  of(file: SessionFile): SessionSummary | undefined {
    const summary = this.#read(file);
    return file.sandboxed === undefined ? summary : summary && this.#believed(summary, file.sandboxed);
  }

  /** The profile of the sandbox that the session of a directory has. Without a note nobody knows: the strictest. */
  profileOf(directory: string): SandboxProfile {
    return this.#kept.of(directory)?.profile ?? "strict";
  }

  /** What the agent can write is believed of what was said, and not of the session itself. */
  #believed(summary: SessionSummary, directory: string): SessionSummary | undefined {
    const { name: _, model: __, thinkingLevel: ___, parentSession: ____, ...said } = summary;
    const kept = this.#kept.of(directory);
    if (kept === undefined) return said;
    const { id, cwd, name, model, thinking, parent } = kept;
    if (id !== summary.id) return undefined;
    return {
      ...said,
      cwd,
      ...(name === undefined ? {} : { name }),
      ...(model === undefined ? {} : { model }),
      ...(thinking === undefined ? {} : { thinkingLevel: thinking }),
      ...(parent === undefined ? {} : { parentSession: parent }),
    };
  }

  #read(file: SessionFile): SessionSummary | undefined {
    this.#known ??= this.#registry.cacheWithPrefix<SummaryState>(CACHE_PREFIX);
    const before = this.#known.get(file.path);
    const state = summarize(file, before);
    if (state !== undefined && state !== before) {
      if (this.#known.size >= MAX_SUMMARIES) this.#known.clear();
      this.#known.set(file.path, state);
      this.#changed.set(file.path, state);
    }
    return state?.summary;
  }

  /** @param agentDir of the session whose file it is */
  ofPath(path: string, agentDir: string): SessionSummary | undefined {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const sandboxed = sandboxedDirectoryOf(path, agentDir);
    const { size, mtimeMs, ino } = stats;
    return this.of({ path, id: "", size, mtimeMs, ino, ...(sandboxed === undefined ? {} : { sandboxed }) });
  }

  /** Writes down what was read since the last time, in one transaction. */
  save(): void {
    if (this.#changed.size === 0) return;
    this.#writes.write("summaries", () => {
      this.#registry.putCache([...this.#changed].map(([path, state]) => [`${CACHE_PREFIX}${path}`, state]));
      this.#changed = new Map();
    });
  }
}

/** One session as listings give it, from what pi's file and its agent say. */
export function sessionInfo(
  session: Session,
  summary: SessionSummary | undefined,
  current: boolean,
): SessionInfo {
  const { record, agentState } = session;
  const live =
    agentState?.model === undefined ? undefined : `${agentState.model.provider}/${agentState.model.id}`;
  const name = record.name ?? summary?.name;
  const { promised = {}, options } = record;
  const model = live ?? summary?.model ?? promised.model ?? options.model;
  const thinking =
    agentState?.thinkingLevel ?? summary?.thinkingLevel ?? promised.thinking ?? options.thinking;
  const sandbox = session.sandboxProfile;
  return {
    id: record.id,
    ...(name === undefined ? {} : { name }),
    state: session.state,
    cwd: record.cwd,
    ...(summary === undefined || record.file === undefined ? {} : { file: record.file }),
    ...(model === undefined ? {} : { model }),
    ...(thinking === undefined ? {} : { thinking }),
    messages: summary?.messages ?? agentState?.messageCount ?? 0,
    tokens: summary?.tokens ?? NO_TOKENS,
    cost: summary?.cost ?? 0,
    createdAt: summary?.createdAt ?? record.createdAt,
    modifiedAt: Math.max(summary?.modifiedAt ?? 0, record.origin === "pictl" ? record.usedAt : 0),
    ...(summary?.firstMessage === undefined ? {} : { firstMessage: summary.firstMessage }),
    current,
    ephemeral: record.options.ephemeral ?? false,
    origin: record.origin,
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(session.agentPid === undefined ? {} : { agentPid: session.agentPid }),
    ...(session.turnId === undefined ? {} : { turnId: session.turnId }),
    queued: session.queued,
    ...(session.questions.length === 0 ? {} : { questions: session.questions }),
    ...(summary?.parentSession === undefined ? {} : { parentSession: summary.parentSession }),
    ...(record.interrupted ? { interrupted: true } : {}),
  };
}

/**
 * A session that only pi knows: nothing but its file.
 *
 * @param sandbox profile of the one in which it will run
 */
export function unopenedSessionInfo(
  file: SessionFile,
  summary: SessionSummary,
  sandbox: SandboxProfile | undefined,
): SessionInfo {
  return {
    id: summary.id,
    ...(summary.name === undefined ? {} : { name: summary.name }),
    state: "stopped",
    cwd: summary.cwd,
    file: file.path,
    ...(summary.model === undefined ? {} : { model: summary.model }),
    ...(summary.thinkingLevel === undefined ? {} : { thinking: summary.thinkingLevel }),
    messages: summary.messages,
    tokens: summary.tokens,
    cost: summary.cost,
    createdAt: summary.createdAt,
    modifiedAt: summary.modifiedAt,
    ...(summary.firstMessage === undefined ? {} : { firstMessage: summary.firstMessage }),
    current: false,
    ephemeral: false,
    origin: "pi",
    ...(sandbox === undefined ? {} : { sandbox }),
    queued: 0,
    ...(summary.parentSession === undefined ? {} : { parentSession: summary.parentSession }),
  };
}
