import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { basename, dirname } from "node:path";
import type { Agent } from "../agent/agent.ts";
import { endLeftoversOfDaemon } from "../agent/leftovers.ts";
import { AGENT_EXIT_MS } from "../core/agent-exit-time.ts";
import type { PictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { AgentPlacesOf, Environment } from "../core/paths.ts";
import { sessionDirFor, sessionDirOf } from "../core/session-files/locate.ts";
import { refuseWhileWritten } from "./foreign-writer.ts";
import { inUseError } from "./in-use-error.ts";
import type { SessionRecord } from "./registry.ts";
import { type LockHolder, lockDirectoryFor, readHolder, SessionLock } from "./session-lock.ts";

/** Two who reach for a lock in the same moment may both fail: this many tries tell that from one that is held. */
const TRIES = 5;
const MAX_PAUSE_MS = 15;
/** An agent that is being ended keeps its session for no longer than this: its exit, and the end of what it left. */
const OWN_AGENT_GONE_MS = AGENT_EXIT_MS + 10_000;

/** The right to drive a session's file. It ends with `release`, which may be called more than once. */
export interface Held {
  release: () => void;
}

interface Holding {
  released: Promise<void>;
}

/**
 * Keeps each session's file for one pi: apart from the agents of other pictl daemons by a lock, from an agent
 * that a dead daemon has left by waiting for its end, and from a pi that no pictl knows by looking for it.
 * (docs/decisions/0008)
 */
export class OneWriter {
  readonly #holder: LockHolder;
  readonly #log: Logger;
  readonly #placesOf: AgentPlacesOf;
  readonly #held = new Map<string, Holding>();
  readonly #byAgent = new WeakMap<Agent, () => void>();

  /**
   * @param place of the daemon: what others are told when they find a session held
   * @param placesOf where sandboxed agents can write
   */
  constructor(
    place: { home?: string | undefined; runtimeDir: string },
    log: Logger,
    placesOf: AgentPlacesOf,
  ) {
    this.#log = log;
    this.#placesOf = placesOf;
    this.#holder = {
      pid: process.pid,
      user: userName(),
      host: hostname(),
      runtimeDir: place.runtimeDir,
      since: "",
      ...(place.home === undefined ? {} : { home: place.home }),
    };
  }

  /**
   * Takes the session's file for an agent that is going to be started or moved there, or for what mustn't
   * happen while somebody drives it. Waits for the end of an earlier agent of it, and for nothing else.
   *
   * @param env of the caller, by which pi chooses a directory for a session without a file
   * @param options.lockOnly don't look for a pi that no pictl has started
   * @param options.sessionDir where the file is going to be that isn't there yet, when pi doesn't choose that
   * @throws PictlError SESSION_IN_USE naming who has it
   */
  async hold(
    record: SessionRecord,
    env: Environment = {},
    { lockOnly = false, sessionDir }: { lockOnly?: boolean; sessionDir?: string | undefined } = {},
  ): Promise<Held> {
    if (record.options.ephemeral) return { release: () => undefined };
    await this.#ownAgentGone(record.id);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(record.id, { released: promise });
    let lock: SessionLock | undefined;
    const release = () => {
      if (this.#held.get(record.id)?.released !== promise) return;
      this.#held.delete(record.id);
      this.#letGo(lock, record.id);
      resolve();
    };
    try {
      lock = await this.#lock(record, this.#lockDirectoryOf(record, env, sessionDir));
      const isOurs = lock?.left !== undefined && (await this.#endLeft(lock.left, record));
      // What a daemon wrote until its death was never noted as written by a pictl.
      if (!isOurs && !lockOnly && record.file !== undefined) await refuseWhileWritten(record, record.file);
      return { release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Lets the agent that is started have what is held: it is released when that has ended, or doesn't come.
   *
   * @param onLeft called just before it is released
   */
  async whileHeld<T extends { agent: Agent }>(held: Held, start: Promise<T>, onLeft: () => void): Promise<T> {
    try {
      const started = await start;
      const { agent } = started;
      this.#byAgent.set(agent, () => {
        onLeft();
        held.release();
      });
      void agent.exited.then(() => this.takeBack(agent)());
      return started;
    } catch (error) {
      held.release();
      throw error;
    }
  }

  /**
   * What is held for an agent that is going to leave its session and may go on with another one.
   *
   * @returns releases it; to be called when nothing that the agent does can reach the session's file any more
   */
  takeBack(agent: Agent): () => void {
    const release = this.#byAgent.get(agent);
    this.#byAgent.delete(agent);
    return release ?? (() => undefined);
  }

  /** Refuses what would be wrong while another daemon drives the session, and holds nothing. */
  async refuseHeld(record: SessionRecord, env?: Environment): Promise<void> {
    if (this.#held.has(record.id)) return;
    (await this.hold(record, env, { lockOnly: true })).release();
  }

  /** Whether another daemon drives the session at this moment. */
  isHeldElsewhere(record: SessionRecord): boolean {
    return !this.#held.has(record.id) && SessionLock.isHeld(this.#lockDirectoryOf(record, {}), record.id);
  }

  async #ownAgentGone(id: string): Promise<void> {
    const deadline = performance.now() + OWN_AGENT_GONE_MS;
    for (let holding = this.#held.get(id); holding !== undefined; holding = this.#held.get(id)) {
      const left = deadline - performance.now();
      if (!(await isInTime(holding.released, left))) {
        throw inUseError(id, `an agent of this daemon (process ${process.pid}), which has not ended`, {
          hint: "See `pictl daemon status`; `pictl daemon restart` ends it.",
        });
      }
    }
  }

  async #lock({ id }: SessionRecord, directory: string): Promise<SessionLock | undefined> {
    const holder = { ...this.#holder, since: new Date().toISOString() };
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const lock = SessionLock.tryAcquire(directory, id, holder);
        if (lock !== undefined) return lock;
      } catch (error) {
        // A read-only or foreign directory, or a file system without locks: pi may still be able to write there.
        this.#log.warn("no lock for a session", { session: id, directory, error: String(error) });
        return undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * MAX_PAUSE_MS));
    }
    throw heldElsewhereError(id, readHolder(directory, id));
  }

  /** Ends the agents that the last holder left when it died. @returns whether it was a daemon seen from here */
  async #endLeft(holder: LockHolder, record: SessionRecord): Promise<boolean> {
    if (holder.host !== this.#holder.host || isAlive(holder.pid)) return false;
    const { left } = await endLeftoversOfDaemon(holder.runtimeDir, holder.pid);
    this.#log.info("took over a session", { session: record.id, from: holder.pid, left: left.length });
    if (left.length === 0) return true;
    throw inUseError(record.id, `process ${left.join(", ")}, left by a pictl daemon that has died`, {
      hint: `End it (kill -9 ${left.join(" ")}), then prompt again.`,
      details: { pids: left },
    });
  }

  #lockDirectoryOf(
    { file, cwd, agentDir }: SessionRecord,
    env: Environment,
    sessionDir?: string | undefined,
  ): string {
    if (file !== undefined) return lockDirectoryFor(dirname(file));
    const directory = sessionDir ?? sessionDirOf(env, cwd, this.#placesOf) ?? sessionDirFor(cwd, agentDir);
    return lockDirectoryFor(directory);
  }

  #letGo(lock: SessionLock | undefined, id: string): void {
    try {
      lock?.release();
    } catch (error) {
      this.#log.warn("could not remove the lock of a session", { session: id, error: String(error) });
    }
  }
}

/** What makes a shell's pictl that of another daemon: the variables by which the two differ (core/paths.ts). */
function asIn({ home, runtimeDir }: Pick<LockHolder, "home" | "runtimeDir">): string {
  if (home !== undefined) return `PICTL_HOME=${home} pictl`;
  // Of one user's daemons, those without PICTL_HOME differ by where the socket is.
  const parent = dirname(runtimeDir);
  return basename(runtimeDir) === "pictl"
    ? `env -u PICTL_HOME XDG_RUNTIME_DIR=${parent} pictl`
    : `env -u PICTL_HOME -u XDG_RUNTIME_DIR TMPDIR=${parent} pictl`;
}

function heldElsewhereError(sessionId: string, holder: LockHolder | undefined): PictlError {
  const copy = "Prompt a copy of it with `pictl prompt --fork`";
  if (holder === undefined) return inUseError(sessionId, "another pictl daemon");
  const { pid, user, host, home, runtimeDir, since } = holder;
  const place = home === undefined ? `the pictl of ${runtimeDir}` : `the pictl of PICTL_HOME=${home}`;
  const there = host === hostname() ? "" : ` on ${host}`;
  return inUseError(sessionId, `${place} (daemon ${pid} of ${user}${there}, since ${since})`, {
    hint: `${copy}, or go to that pictl: ${asIn(holder)} prompt -s ${sessionId}`,
    details: { holder },
  });
}

async function isInTime(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, ms));
  });
  const inTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  try {
    // In a container nobody may ask about the dead: they stay as zombies.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    // Gone in this moment; elsewhere than on Linux there is no such file.
    return process.platform !== "linux";
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run with a uid that has no name.
    return String(process.getuid?.() ?? "unknown");
  }
}
