import { setTimeout as delay } from "node:timers/promises";
import type { Agent, AgentHandlers } from "../agent/agent.ts";
import { workspacePlaces } from "../agent/sandbox/agent-sandboxes.ts";
import { type PictlError, toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { AgentPlaces, type MakingRoom } from "./agent-places.ts";
import type { AgentLaunch, AgentPlan, AgentStarter, StartedAgent } from "./agent-starter.ts";
import { askingSession, type Caller } from "./caller.ts";
import { claimedState } from "./claimed-state.ts";
import { enterSession, leaveSession, moveProblem } from "./move-agent.ts";
import { questionOf } from "./questions.ts";
import { fits, type Spare, SpareAgents, type SpareWanted } from "./spare-agents.ts";

/** After a spare was taken: late enough not to compete with the turn that took it, soon enough for the next. */
const WARM_DELAY_MS = 1_000;
/** How long a spare is kept where idle sessions are never parked: the default of the other case. */
const MAX_AGE_MS = 5 * 60_000;
/** A start has work for the daemon at first, and then waits for pi. */
const RECORD_DELAY_MS = 60;
/** Where they are parked after seconds: their agents aren't worth less by that. */
const MIN_AGE_MS = 30_000;

export interface AgentPoolOptions {
  starter: AgentStarter;
  limits: { maxLiveAgents: number; spareAgents: number; parkAfterMs: number };
  log: Logger;
  /** Parks a session for somebody who waits: synchronously, up to the point where it has let go of its agent. */
  parkOne: () => MakingRoom;
}

export interface AgentRequest {
  sessionId: string;
  /** Of {@link plan} as it is, when somebody has worked it out already. */
  prepared?: AgentLaunch | undefined;
  /** Asked again after a wait, in which the session's file may have changed. */
  plan: () => AgentPlan;
  caller: Caller;
  handlers: AgentHandlers;
  /** See {@link AgentPlaces.take}. */
  onWaiting?: ((because: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

type Started = StartedAgent;

/**
 * All agents of the daemon: those of its sessions, the spares, and those that are on their way between them.
 * Each holds one of the places until its process has ended, so that never more run than may.
 */
export class AgentPool {
  readonly #starter: AgentStarter;
  readonly #log: Logger;
  readonly #parkOne: () => MakingRoom;
  readonly #places: AgentPlaces<Spare>;
  readonly #spares: SpareAgents;
  /** Every agent that runs, and whether the place it stands in is given back by its end. */
  readonly #agents = new Map<Agent, { holdsPlace: boolean }>();
  /** Agents that have been told to end or to leave their session: each will give a place to who waits. */
  readonly #coming = new Set<object>();
  /** By session: the agent that is leaving it. Another one must not open its file meanwhile. */
  readonly #leaving = new Map<string, Promise<void>>();
  #warm: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ starter, limits, log, parkOne }: AgentPoolOptions) {
    this.#starter = starter;
    this.#log = log;
    this.#parkOne = parkOne;
    this.#places = new AgentPlaces(limits.maxLiveAgents, (waiting) => this.#makeRoom(waiting));
    const maxAge = limits.parkAfterMs > 0 ? Math.max(limits.parkAfterMs, MIN_AGE_MS) : MAX_AGE_MS;
    this.#spares = new SpareAgents(limits.spareAgents, maxAge, ({ agent }) => void this.#end(agent));
  }

  /** Sessions that wait for an agent, the longest first. */
  get waiting(): { sessionId: string; since: number }[] {
    return this.#places.waiting.map(({ name, since }) => ({ sessionId: name, since }));
  }

  /** See {@link AgentPlaces.askers}. */
  get askers(): string[] {
    return this.#places.askers;
  }

  /** Process ids of the agents that belong to no session. */
  get sparePids(): number[] {
    return this.#spares.pids;
  }

  /**
   * An agent that holds the session: a spare that is moved to it, or a new one. Waits for a place among the live
   * agents.
   *
   * @throws PictlError what {@link AgentStarter.prepare}, {@link AgentPlaces.take} and a start throw
   */
  async start(request: AgentRequest): Promise<Started> {
    const leaving = this.#leaving.get(request.sessionId);
    await leaving;
    let hasWaited = request.prepared !== undefined && leaving !== undefined;
    let launch = request.prepared ?? (await this.#starter.prepare(request.plan(), request.caller));
    let spare = launch.spareWillDo ? this.#claim(wanted(launch)) : undefined;
    if (spare === undefined) {
      const { onWaiting, signal } = request;
      const wants = launch.spareWillDo ? wanted(launch) : undefined;
      hasWaited ||= this.#places.free <= 0;
      spare = await this.#places.take({
        name: request.sessionId,
        askedBy: askingSession(request.caller),
        accepts: (offered) => wants !== undefined && fits(offered, wants),
        ...(onWaiting === undefined ? {} : { onWaiting }),
        signal,
      });
    }
    let recorded: Promise<void> | undefined;
    // From here on a place is ours, which the agent takes over at the end.
    try {
      if (hasWaited) launch = await this.#starter.prepare(request.plan(), request.caller);
      recorded = this.#recordWorkspace(request.sessionId, launch);
      const moved = spare && (await this.#move(spare, launch, request));
      const started = moved ?? (await this.#launch(launch, request));
      this.#hold(started.agent);
      const ids = { request: request.caller.request, session: request.sessionId, agent: started.agent.pid };
      this.#log.info(moved === undefined ? "agent started" : "agent moved", ids);
      // An agent in a sandbox is of use to its own session alone, which has one now.
      if (moved !== undefined && launch.sandbox === undefined) this.#warmLater(launch, wanted(launch));
      return started;
    } catch (error) {
      this.#places.release();
      throw error;
    } finally {
      // Before its first turn.
      await recorded;
    }
  }

  /** Records, beside the agent's start, what a review compares the session's workspace with. */
  async #recordWorkspace(session: string, { sandbox }: AgentLaunch): Promise<void> {
    if (sandbox === undefined) return;
    const { baselines } = this.#starter;
    const places = workspacePlaces(sandbox);
    if (baselines.has(session, places)) return;
    const began = Date.now();
    await delay(RECORD_DELAY_MS);
    try {
      await baselines.take(session, places, began);
    } catch (error) {
      this.#log.warn("workspace not recorded", { session, error: toPictlError(error).message });
    }
  }

  async #launch(launch: AgentLaunch, { sessionId, handlers }: AgentRequest): Promise<Started> {
    const started = await this.#starter.launch(launch, handlers);
    const { agent, state } = started;
    try {
      return { ...started, state: claimedState(agent, state, launch.cwd, (id) => id === sessionId) };
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  /** Runs `start` with a place among the live agents, which its agent then holds. */
  async withPlace<T extends { agent: Agent }>(start: () => Promise<T>): Promise<T> {
    await this.#places.take();
    try {
      const started = await start();
      this.#hold(started.agent);
      return started;
    } catch (error) {
      this.#places.release();
      throw error;
    }
  }

  /** Takes the agent that an idle session has let go of: for who waits, as a spare, or to end it. */
  park(agent: Agent, sessionId: string, ephemeral: boolean): Promise<void> {
    this.#coming.add(agent);
    const left = this.#park(agent, sessionId, ephemeral).finally(() => {
      this.#coming.delete(agent);
      if (this.#leaving.get(sessionId) === left) this.#leaving.delete(sessionId);
      this.#places.offerIdle();
    });
    this.#leaving.set(sessionId, left);
    return left;
  }

  /** Ends what a sandboxed session has parked: it sees the session's directory still. */
  async endParked(sessionId: string, sessionDir: string): Promise<void> {
    await this.#leaving.get(sessionId);
    await Promise.all(this.#spares.takeOf(sessionDir).map(({ agent }) => this.#end(agent)));
  }

  /** To be called when a session becomes idle: somebody may be waiting for its place. */
  offerIdle(): void {
    this.#places.offerIdle();
  }

  /** Lets nobody wait and starts nothing more: the daemon is stopping. */
  close(reason: PictlError): void {
    this.#closed = true;
    clearTimeout(this.#warm);
    this.#places.close(reason);
    for (let spare = this.#spares.takeOldest(); spare; spare = this.#spares.takeOldest())
      void this.#end(spare.agent);
  }

  /** Ends every agent that is left. Each is bounded by its own stop. */
  async end(): Promise<void> {
    await Promise.all([...this.#agents.keys()].map((agent) => agent.stop()));
    await Promise.all(this.#leaving.values());
  }

  // --- inside ------------------------------------------------------------------------------------------

  #makeRoom(waiting: number): MakingRoom {
    if (this.#coming.size >= waiting) return "coming";
    // A spare is for speed only; whoever waits goes first.
    const spare = this.#spares.takeOldest();
    if (spare === undefined) return this.#parkOne();
    void this.#end(spare.agent);
    return "coming";
  }

  /** Makes an agent hold the place that its starter has taken. */
  #hold(agent: Agent): void {
    const known = this.#agents.get(agent);
    if (known !== undefined) {
      known.holdsPlace = true;
      return;
    }
    const entry = { holdsPlace: true };
    this.#agents.set(agent, entry);
    void agent.exited.then(() => {
      this.#agents.delete(agent);
      if (entry.holdsPlace) this.#places.release();
    });
  }

  /** The agent's place is its new owner's now, also when it ends. */
  #letGoOfPlace(agent: Agent): void {
    const entry = this.#agents.get(agent);
    if (entry !== undefined) entry.holdsPlace = false;
  }

  #claim(wants: SpareWanted): Spare | undefined {
    const spare = this.#closed ? undefined : this.#spares.claim(wants);
    if (spare !== undefined) this.#letGoOfPlace(spare.agent);
    return spare;
  }

  async #end(agent: Agent): Promise<void> {
    this.#coming.add(agent);
    await agent.stop();
    this.#coming.delete(agent);
  }

  /** @returns undefined when it couldn't be moved; it has ended then */
  async #move(spare: Spare, launch: AgentLaunch, request: AgentRequest): Promise<Started | undefined> {
    const { agent } = spare;
    const { place } = request.plan();
    const { sessionId: session, handlers } = request;
    try {
      const wants = wanted(launch);
      if (place.kind !== "file" || !launch.spareWillDo || !fits(spare, wants))
        throw new Error("it doesn't fit any more");
      const { model, thinking } = wants;
      const { toolsDifference } = launch;
      const target = { sessionId: session, path: place.path, model, thinking, toolsDifference };
      return { agent, state: await enterSession(agent, target, handlers) };
    } catch (error) {
      this.#log.warn("spare agent ended", { session, agent: agent.pid, reason: moveProblem(error) });
      await agent.stop();
      return undefined;
    }
  }

  async #park(agent: Agent, sessionId: string, ephemeral: boolean): Promise<void> {
    const how = this.#starter.kindOf(agent);
    if (how === undefined || ephemeral || this.#closed || !this.#isWanted({ agent, ...how })) {
      await agent.stop();
      return;
    }
    try {
      await leaveSession(agent, sessionId);
      await this.#settle({ agent, ...how });
    } catch (error) {
      this.#log.info("agent not kept", { session: sessionId, agent: agent.pid, reason: moveProblem(error) });
      await agent.stop();
    }
  }

  #isWanted(spare: Spare): boolean {
    if (this.#places.waiting.length > 0) return this.#places.firstAccepts(spare);
    return this.#spares.areKept && !spare.kind.startsServers;
  }

  /** Finds a use for an agent that holds no session: whoever waits first, or the next one, or none. */
  async #settle(spare: Spare): Promise<void> {
    const { agent } = spare;
    agent.reportTo({
      onRecord: (record) => {
        // Nobody is there to answer, and it can't be moved while it asks.
        if (record.type === "extension_ui_request" && questionOf(record) !== undefined) this.#discard(spare);
      },
      onExit: ({ code, signal }) => {
        this.#spares.remove(spare);
        this.#log.info("spare agent ended", { agent: agent.pid, code, signal });
      },
    });
    if (this.#closed || agent.hasEnded) {
      await agent.stop();
      return;
    }
    if (this.#places.waiting.length === 0) {
      if (spare.kind.startsServers) await agent.stop();
      else this.#spares.add(spare);
      return;
    }
    this.#letGoOfPlace(agent);
    if (this.#places.handOver(spare)) return;
    this.#hold(agent);
    await agent.stop();
  }

  #discard(spare: Spare): void {
    this.#spares.remove(spare);
    void this.#end(spare.agent);
  }

  /** Has a spare ready for the next session of this kind, as the last one was just taken. */
  #warmLater(launch: AgentLaunch, wants: SpareWanted): void {
    clearTimeout(this.#warm);
    if (this.#closed || !this.#spares.areKept || launch.kind.startsServers) return;
    this.#warm = setTimeout(() => void this.#warmUp(launch, wants), WARM_DELAY_MS);
    this.#warm.unref();
  }

  async #warmUp(launch: AgentLaunch, wants: SpareWanted): Promise<void> {
    // The last free place stays free: a session that no spare fits must not have to wait for the end of one.
    if (this.#closed || !this.#spares.hasRoom || this.#spares.has(wants) || this.#places.free < 2) return;
    const starting = {};
    this.#coming.add(starting);
    try {
      await this.#places.take();
      const {
        kind: { key },
        spareArgs,
      } = launch;
      const warm = { ...launch, args: spareArgs, kind: { key }, verify: async () => ({}) };
      const { agent } = await this.#starter
        .launch(warm, { onRecord: () => undefined, onExit: () => undefined })
        .catch((error: unknown) => {
          this.#places.release();
          throw error;
        });
      this.#hold(agent);
      this.#log.info("spare agent started", { agent: agent.pid });
      const how = this.#starter.kindOf(agent);
      if (how !== undefined) await this.#settle({ agent, ...how });
    } catch (error) {
      this.#log.warn("no spare agent", { error: toPictlError(error).message });
    } finally {
      this.#coming.delete(starting);
      this.#places.offerIdle();
    }
  }
}

function wanted({ kind, cwd, model, thinking }: AgentLaunch): SpareWanted {
  return { key: kind.key, cwd, model, thinking };
}
