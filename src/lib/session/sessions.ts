import { randomUUID } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Agent } from "../agent/agent.ts";
import type { SandboxPlan } from "../agent/sandbox/agent-sandboxes.ts";
import { isBuiltIn, isScriptedModel } from "../agent/scripted-model/model-id.ts";
import { ambiguous } from "../core/ambiguous-session.ts";
import type { SandboxProfile } from "../core/choices.ts";
import { type Config, findWorkspaceConfig, type Limits, loadConfig } from "../core/config.ts";
import { PictlError, toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { agentPlaceAround } from "../core/outside/agent-places.ts";
import { refuseWayOut } from "../core/outside/planted-link.ts";
import { type AgentPlacesOf, type Environment, workspaceDirectories } from "../core/paths.ts";
import { realPath } from "../core/real-path.ts";
import {
  agentDirOf,
  listSessionFiles,
  type SessionFile,
  sessionDirOf,
} from "../core/session-files/locate.ts";
import {
  agentDirAround,
  type KeptSession,
  keptFile,
  readKept,
  sandboxedFiles,
} from "../core/session-files/sandboxed-directory.ts";
import { checkName } from "../core/session-name.ts";
import type { RequestParams, SessionReference } from "../protocol/requests.ts";
import type { SessionInfo, SessionOptions, TurnOutcome } from "../protocol/session.ts";
import type { MakingRoom } from "./agent-places.ts";
import { AgentPool } from "./agent-pool.ts";
import { type AgentPlan, type AgentStarter, placeOf } from "./agent-starter.ts";
import type { Caller, ModelChange } from "./caller.ts";
import { CurrentSessions } from "./current-sessions.ts";
import type { SessionSummary } from "./files/summary.ts";
import { type PiPlace, SessionFinder } from "./find-session.ts";
import {
  directoryOf,
  KeptNames,
  keepRecord,
  keptRecord,
  makeSandboxedDirectory,
  moveInto,
  promisedPolicy,
  removeUnused,
  unreadable,
} from "./kept-session.ts";
import { lastingOptions } from "./lasting-options.ts";
import { Summaries, sessionInfo, unopenedSessionInfo } from "./listing.ts";
import { type ReservedName, SessionNames } from "./names.ts";
import { type Held, OneWriter } from "./one-writer.ts";
import { notedOptions, removeOptionsNote, writeOptionsNote } from "./options-note.ts";
import { OtherPiWatch } from "./other-pis.ts";
import type { FileState, ModelAndLevel } from "./promised.ts";
import { removePrompts } from "./prompt-removal.ts";
import { RateLimits } from "./rate-limits.ts";
import type { Registry, SessionRecord } from "./registry.ts";
import { RetriedWrites } from "./retried-writes.ts";
import { sandboxLookup } from "./sandboxed-places.ts";
import { Session, type SessionHost } from "./session.ts";
import { adoptMoved, movedFile, requireFile } from "./session-file.ts";
import { SessionSlots } from "./session-slots.ts";
import { noTurns } from "./tally.ts";
import type { Warnings } from "./warnings.ts";
import { workspaceChoices } from "./workspace-choice.ts";

/** How long what a start was prepared with is taken as it is: holding a session that nobody else has takes no longer. */
const PREPARED_MS = 200;

/** How a request names a session: see `requests.ts`. */
export interface Target {
  sessionId?: string | undefined;
  cwd?: string | undefined;
}

/**
 * All sessions: those that pictl has started or resumed, and on disk those that pi wrote by itself. A session
 * of the second kind becomes one of the first when it is used.
 */
export class Sessions implements SessionHost {
  readonly log: Logger;
  readonly parkAfterMs: number;
  readonly starter: AgentStarter;
  readonly limits: Limits;
  readonly turns = noTurns();
  readonly writers: OneWriter;
  readonly #rates: RateLimits;
  readonly #slots: SessionSlots;
  readonly #registry: Registry;
  readonly #writes: RetriedWrites;
  readonly #summaries: Summaries;
  readonly #keptNames = new KeptNames();
  readonly #pool: AgentPool;
  readonly #finder: SessionFinder;
  readonly #names: SessionNames;
  readonly #agentPlaces: AgentPlacesOf = () => this.starter.agentPlaces();
  readonly #current: CurrentSessions;
  readonly #otherPis = new OtherPiWatch();
  readonly #sessions = new Map<string, Session>();
  /** New ones whose first agent is starting. */
  readonly #opening = new Map<Session, Promise<void>>();
  /** Those whose turn another daemon was running when this one started. */
  readonly #elsewhere = new Set<string>();
  readonly #configFile: string;

  constructor(options: {
    registry: Registry;
    starter: AgentStarter;
    config: Config;
    configFile: string;
    log: Logger;
    /** Of the daemon, for those who find one of its sessions in use. */
    place: { home?: string | undefined; runtimeDir: string };
  }) {
    this.log = options.log;
    this.writers = new OneWriter(options.place, options.log, this.#agentPlaces);
    this.starter = options.starter;
    this.#registry = options.registry;
    this.#writes = new RetriedWrites(options.log);
    this.#configFile = options.configFile;
    this.#summaries = new Summaries(options.registry, this.#writes);
    this.limits = options.config.limits;
    this.#rates = new RateLimits(this.limits);
    this.#slots = new SessionSlots(
      this.limits.maxSessions,
      () => this.#sessions.size,
      () => this.#forgetDeleted(),
    );
    this.parkAfterMs = options.config.limits.parkAfterMs;
    this.#pool = new AgentPool({
      starter: options.starter,
      limits: this.limits,
      log: this.log,
      parkOne: () => this.#parkLongestIdle(),
    });
    this.#current = new CurrentSessions(
      options.registry,
      this.#writes,
      (id) => this.#sessions.get(id),
      this.#agentPlaces,
    );
    this.#finder = new SessionFinder({
      summaries: this.#summaries,
      all: () => this.all(),
      get: (id) => this.#sessions.get(id),
      present: (session) => (session === undefined || this.#isGone(session) ? undefined : session),
      nameOf: (session) => this.info(session).name,
      takeIn: (file, summary) => this.#takeIn(file, summary),
      agentPlaces: this.#agentPlaces,
    });
    this.#names = new SessionNames(this.#finder);
    for (const record of options.registry.all()) {
      // An ephemeral session lived in the memory of an agent that died with the last daemon.
      if (record.options.ephemeral) {
        options.registry.delete(record.id);
        this.#removeBaselines(record.id);
      } else this.#sessions.set(record.id, this.#known(record));
    }
  }

  all(): Session[] {
    return [...this.#sessions.values()];
  }

  /**
   * Creates a session without starting its agent. It exists for pictl at once, and for pi with its first answer.
   *
   * @param params `warnings`: what the session says with its first answer
   * @throws PictlError DIRECTORY_NOT_FOUND, LIMIT_EXCEEDED, NAME_TAKEN, INVALID_INPUT for a name
   */
  create(
    params: Omit<RequestParams<"create_session">, "current"> & { warnings?: readonly string[] },
    caller: Caller,
  ): Session {
    const env = this.starter.environmentOf(caller);
    const places = this.starter.agentPlaces();
    const cwd = realDirectory(params.cwd, places);
    // Nothing is awaited between this check and the registration of the session.
    const name =
      params.name === undefined ? undefined : this.#names.check(params.name, { cwd }, this.#placeIn(env));
    const now = Date.now();
    const record: SessionRecord = {
      id: randomUUID(),
      cwd,
      agentDir: agentDirOf(env),
      options: lastingOptions(params.options ?? {}, cwd, env, places),
      origin: "pictl",
      createdAt: now,
      usedAt: now,
      closed: false,
      ...(name === undefined ? {} : { name }),
    };
    const release = this.reserve();
    try {
      const session = this.add(record);
      for (const text of params.warnings ?? []) session.warnings.add(text);
      return session;
    } finally {
      release();
    }
  }

  /**
   * Starts the agent of a session that was just created, and forgets the session when that fails: it never existed
   * for pi, so nothing is lost.
   *
   * @throws PictlError what {@link Session.open} throws
   */
  async openNew(session: Session, caller: Caller): Promise<void> {
    const opening = session.open(caller).then(
      () => {
        const { model, thinking } = this.info(session);
        session.record.resolved = { model, thinking };
        this.save(session.record);
      },
      (error: unknown) => {
        this.forget(session);
        throw error;
      },
    );
    this.#opening.set(session, opening);
    try {
      await opening;
    } finally {
      this.#opening.delete(session);
    }
  }

  /** Waits for a session that another request is just creating. Throws what that request is answered. */
  async whenOpen(session: Session): Promise<void> {
    await this.#opening.get(session);
  }

  /** Keeps a slot for a session that takes time to make; see {@link SessionSlots.reserve}. */
  reserve(): () => void {
    return this.#slots.reserve();
  }

  /** Counts a request that begins work; see {@link RateLimits.take}. */
  admit(sessionId?: string): void {
    this.#rates.take(sessionId);
  }

  /** Makes a session the current one of its directory. */
  makeCurrent(session: Session): void {
    this.#current.makeCurrent(session);
  }

  /** See {@link CurrentSessions.whileBecomingCurrent}. */
  async whileBecomingCurrent(session: Session, first: () => Promise<void>): Promise<void> {
    await this.#current.whileBecomingCurrent(session, first);
  }

  /**
   * The options of a new session: those that were asked for, else what the user's and the workspace's config say.
   *
   * @returns `warnings`, which the session says with its first answer: a model or a thinking level of a workspace's file
   *   that a sandboxed agent could have written
   * @throws PictlError INVALID_CONFIG
   */
  async optionsFor(
    cwd: string,
    options: SessionOptions = {},
  ): Promise<{ options: SessionOptions; warnings: string[] }> {
    const file = findWorkspaceConfig(cwd, this.#agentPlaces);
    const { model, thinking, ofWorkspace } = await loadConfig(this.#configFile, file);
    const isAgents = file !== undefined && agentPlaceAround(file, this.#agentPlaces()) !== undefined;
    return {
      options: {
        ...(model === undefined ? {} : { model }),
        ...(thinking === undefined ? {} : { thinking }),
        ...options,
      },
      warnings: isAgents ? workspaceChoices(file, ofWorkspace ?? {}, options) : [],
    };
  }

  /**
   * What the user's config says about the history now.
   *
   * @throws PictlError INVALID_CONFIG
   */
  async historyConfig(): Promise<Config["history"]> {
    return (await loadConfig(this.#configFile)).history;
  }

  /**
   * Takes in a session that exists in pi already.
   *
   * @throws PictlError STORAGE_UNAVAILABLE; then there is no such session
   */
  add(record: SessionRecord): Session {
    this.#registry.put(record);
    this.#keep(record);
    const session = new Session(record, this);
    this.#sessions.set(record.id, session);
    return session;
  }

  /** Forgets a session that has no agent. pi's file is not touched. */
  forget(session: Session): void {
    session.retire();
    this.#sessions.delete(session.id);
    this.#writes.write(sessionKey(session), () => this.#registry.delete(session.id));
    this.#removeBaselines(session.id);
    try {
      removeUnused(session.record);
    } catch (error) {
      this.log.warn("directory of a session not removed", { session: session.id, error: String(error) });
    }
    try {
      if (session.record.origin === "pictl") removeOptionsNote(session.record);
    } catch (error) {
      this.log.warn("options note not removed", { session: session.id, error: String(error) });
    }
  }

  /** Leaves nothing of what the user said when the session was created, after it was forgotten. */
  async erase({ id, record }: Session): Promise<void> {
    try {
      removeOptionsNote(record);
      this.#registry.eraseDeleted();
      await removePrompts(record, () => this.#optionsIn(record.agentDir));
    } catch (error) {
      this.log.warn("options of a deleted session not erased", { session: id, error: String(error) });
    }
  }

  *#optionsIn(agentDir: string): Generator<SessionOptions> {
    for (const { record } of this.#sessions.values()) if (record.agentDir === agentDir) yield record.options;
  }

  /**
   * Gives a copy of a session what a review compares its workspace with: what the session has, and in another directory
   * how that was when the copy's agent began.
   */
  async recordBranch({ id }: Session, parent: Session, agent: Agent, began: number): Promise<void> {
    if (agent.sandbox === undefined) return;
    try {
      const { places } = agent.sandbox;
      this.starter.baselines.copy(parent.id, id, places);
      await this.starter.baselines.take(id, places, began);
    } catch (error) {
      this.log.warn("workspace not recorded", { session: id, error: toPictlError(error).message });
    }
  }

  #removeBaselines(session: string): void {
    try {
      this.starter.baselines.remove(session);
    } catch (error) {
      this.log.warn("baseline not removed", { session, error: String(error) });
    }
  }

  /**
   * The session that a request names.
   *
   * @throws PictlError SESSION_NOT_FOUND, SESSION_AMBIGUOUS with the candidates
   */
  find(target: Target, caller: Caller): Session {
    const found =
      target.sessionId === undefined
        ? this.current(target, caller)
        : (this.#named(target.sessionId, target.cwd, caller) ?? this.#findGone(target.sessionId, target.cwd));
    if (found !== undefined) return this.#followed(found);
    if (target.sessionId === undefined) {
      throw new PictlError(
        "SESSION_NOT_FOUND",
        `There is no session of ${target.cwd ?? "this directory"} yet.`,
        {
          hint: "Start one with `pictl prompt`, or name one with -s (see `pictl session list --all`).",
          details: { cwd: target.cwd },
        },
      );
    }
    throw new PictlError("SESSION_NOT_FOUND", `There is no session "${target.sessionId}".`, {
      hint: "See `pictl session list --all` for ids and names.",
      details: { session: target.sessionId },
    });
  }

  /** The current session of a directory, looked for up to the repository root; undefined when there is none. */
  current({ cwd }: Target, caller: Caller): Session | undefined {
    if (cwd === undefined) return undefined;
    const current = this.#current.current(cwd, agentDirOf(caller.environment ?? {}));
    return current && this.#followed(current);
  }

  #named(reference: string, cwd: string | undefined, caller: Caller): Session | undefined {
    const found = this.#finder.find(reference, cwd, () => this.#placeIn(caller.environment ?? {}));
    if (found?.elsewhere) {
      const { id, cwd } = found.session.record;
      caller.usesElsewhere?.({ sessionId: id, name: reference, cwd });
    }
    return found?.session;
  }

  /**
   * The session of the repository of `cwd` that has this name, for who may create it.
   *
   * @throws PictlError SESSION_AMBIGUOUS, INVALID_INPUT for what can't be a name
   */
  namedHere(given: string, cwd: string, caller: Caller): Session | undefined {
    const name = checkName(given);
    const place = this.#placeIn(caller.environment ?? {});
    const candidates = this.#finder.namedHere(name, cwd, place);
    if (candidates.length > 1) throw ambiguous(name, candidates);
    const [only] = candidates;
    return only && this.#finder.find(only.id, cwd, () => place)?.session;
  }

  /** The sessions that a word means beyond doubt, by name here or by id; see {@link SessionFinder.meant}. */
  meant(word: string, cwd: string, caller: Caller): SessionReference[] {
    return this.#finder
      .meant(word, cwd, this.#placeIn(caller.environment ?? {}))
      .map(({ id, modifiedAt: _, ...rest }) => ({ sessionId: id, ...rest }));
  }

  /** Keeps a name for a copy of this session that is yet to be made; see {@link SessionNames.reserve}. */
  reserveName(name: string, { record }: Pick<Session, "record">, caller: Caller): ReservedName {
    return this.#names.reserve(name, record, this.#placeOfNames(record, caller));
  }

  /** Keeps the first free name for a copy of this session; see {@link SessionNames.reserveFree}. */
  reserveFreeName(
    nth: (count: number) => string,
    { record }: Pick<Session, "record">,
    caller: Caller,
  ): ReservedName {
    return this.#names.reserveFree(nth, record, this.#placeOfNames(record, caller));
  }

  /**
   * Gives a session another name.
   *
   * @returns the name as it was stored
   * @throws PictlError NAME_TAKEN, INVALID_INPUT, and what {@link Session.rename} throws
   */
  async rename(session: Session, given: string, caller: Caller): Promise<string> {
    const { record } = session;
    const place = this.#placeOfNames(record, caller);
    const { name, release } = this.#names.reserve(given, record, place, record.id);
    try {
      await session.rename(name, caller);
    } finally {
      release();
    }
    return name;
  }

  #placeOfNames({ agentDir }: SessionRecord, caller: Caller): PiPlace {
    return { ...this.#placeIn(caller.environment ?? {}), agentDir };
  }

  /**
   * Every session of the caller's pi directory, or those that a prompt in `cwd` may continue: of that directory and of
   * those above it up to the repository root. Newest first.
   */
  list(cwd: string | undefined, caller: Caller): SessionInfo[] {
    const place = this.#placeIn(caller.environment ?? {});
    const { agentDir } = place;
    const directories =
      cwd === undefined ? undefined : new Set(workspaceDirectories(realPath(cwd), this.#agentPlaces));
    const isWanted = (directory: string) => directories === undefined || directories.has(directory);
    const files = filesIn(place, directories);
    const continued = this.current({ cwd }, caller)?.id;
    const infos: SessionInfo[] = [];
    const seen = new Map<string, string>();
    const lookup = sandboxLookup(this.#registry);
    const sandboxOf = ({ path, sandboxed }: SessionFile) =>
      sandboxed === undefined ? lookup(path) : this.#summaries.profileOf(sandboxed);
    for (const file of files) {
      const summary = this.#summaries.of(file);
      if (summary === undefined || !isWanted(summary.cwd)) continue;
      const session = this.#sessions.get(summary.id);
      const own = session?.record.file;
      // Anybody who may write there can copy a session's id: what is known of it comes from its own file.
      const isOwn = own === undefined || realPath(own) === realPath(file.path) || !existsSync(own);
      const original = isOwn ? seen.get(summary.id) : own;
      if (original !== undefined) {
        // Listed for two directories that share one.
        if (realPath(original) === realPath(file.path)) continue;
        const copy = unopenedSessionInfo(file, summary, sandboxOf(file));
        infos.push({ ...copy, copyOf: original });
        continue;
      }
      seen.set(summary.id, file.path);
      infos.push(
        session ? this.#info(session, summary) : unopenedSessionInfo(file, summary, sandboxOf(file)),
      );
    }
    for (const session of this.#sessions.values()) {
      const { record } = session;
      if (seen.has(record.id) || record.agentDir !== agentDir) continue;
      if (!isWanted(record.cwd)) continue;
      // One in a sandbox may have taken its file away itself.
      if (record.options.sandbox === undefined && this.#isGone(session)) continue;
      infos.push(this.info(session));
    }
    this.#summaries.save();
    const marked =
      cwd === undefined ? infos : infos.map((one) => ({ ...one, current: one.id === continued }));
    return marked.sort((a, b) => b.modifiedAt - a.modifiedAt);
  }

  info(session: Session): SessionInfo {
    return this.#info(session, this.summaryOf(session.record));
  }

  // --- SessionHost -------------------------------------------------------------------------------------

  async startAgent(...[session, caller, change, handlers, wait]: Parameters<SessionHost["startAgent"]>) {
    const { record } = session;
    this.requireFile(session);
    this.settleOptions(record, caller);
    const plan = () => this.agentPlan(record, change);
    const began = Date.now();
    let planned = plan();
    let prepared = await this.starter.prepare(planned, caller);
    if (prepared.sandbox === undefined && this.keepSandbox(record)) {
      planned = plan();
      prepared = await this.starter.prepare(planned, caller);
    }
    const { sandbox } = prepared;
    const { environment } = caller;
    if (sandbox?.sessionDir !== undefined && !record.written && !existsSync(record.file ?? ""))
      delete record.file;
    let held = await this.writers.hold(record, environment, { sessionDir: sandbox?.sessionDir });
    if (sandbox !== undefined && (await this.#giveDirectory(record, sandbox, held))) {
      // In a directory of its own it has another lock.
      held.release();
      held = await this.writers.hold(record, environment);
    }
    // It may wait long for a place, while the policy changes.
    const later = () => ({ ...plan(), isSandboxed: sandbox !== undefined });
    const start = this.#pool.start({
      sessionId: record.id,
      // Until it was held others may have written its file, the policy, or where a path leads.
      prepared: Date.now() - began < PREPARED_MS && isDeepStrictEqual(plan(), planned) ? prepared : undefined,
      plan: later,
      caller,
      handlers,
      ...wait,
    });
    return await this.writers.whileHeld(held, start, () => session.fileLeft());
  }

  /** What the file of a session said before its first agent in a sandbox counts from then on; later it doesn't. */
  #adoptFromFile(record: SessionRecord, agentDir: string): void {
    const { name, parentSession, model, thinkingLevel: thinking } = this.summaryOf(record) ?? {};
    record.agentDir = agentDir;
    if (name !== undefined && !record.renamed) record.name = name;
    if (parentSession !== undefined) record.parent = parentSession;
    // A scenario is run when it was asked for (agent-starter.ts).
    if (model !== undefined && (!isScriptedModel(model) || isBuiltIn(model)))
      record.promised ??= { model, thinking, inFile: { model, thinking } };
  }

  sandboxOf(record: SessionRecord): SandboxProfile | undefined {
    const { sandbox, noSandbox } = record.options;
    const directory = directoryOf(record);
    if (sandbox !== undefined || noSandbox || directory === undefined) return sandbox;
    return this.#summaries.profileOf(directory);
  }

  /**
   * A session in a directory of its own keeps the sandbox that its last agent had, when nothing else asks for one, and
   * one whose file a sandboxed agent could have written has the strictest of such.
   *
   * @returns whether it has one now
   * @throws PictlError STORAGE_UNAVAILABLE when nobody knows which
   */
  keepSandbox(record: SessionRecord): boolean {
    if (record.options.noSandbox) return false;
    const directory = directoryOf(record);
    const sandbox =
      directory === undefined ? this.#sandboxAround(record) : keptIn(directory, record.id).profile;
    if (sandbox === undefined) return false;
    record.options = { ...record.options, sandbox };
    this.save(record);
    return true;
  }

  #sandboxAround({ file, written }: SessionRecord): SandboxProfile | undefined {
    return file === undefined || !written ? undefined : sandboxLookup(this.#registry)(file);
  }

  /**
   * Makes the directory of its own that a sandboxed session has, with what it is promised, and moves a file into it that
   * lies among others.
   *
   * @param held released when it can't be done
   * @returns whether the file was moved
   * @throws PictlError STORAGE_UNAVAILABLE
   */
  async #giveDirectory(record: SessionRecord, sandbox: SandboxPlan, held: Held): Promise<boolean> {
    if (sandbox.sessionDir === undefined) return false;
    const directory = dirname(sandbox.sessionDir);
    const { file } = record;
    try {
      const isIn = directoryOf(record) === directory;
      if (isIn) this.#keep(record);
      else this.#adoptFromFile(record, sandbox.agentDir);
      makeSandboxedDirectory(directory, record, sandbox);
      this.#keptNames.see(record);
      if (isIn || file === undefined || !existsSync(file)) return false;
      record.file = moveInto(directory, file);
      this.log.info("session moved to a directory of its own", { session: record.id, from: file });
      this.save(record);
      return true;
    } catch (error) {
      held.release();
      throw error;
    }
  }

  /**
   * Makes sure, before an agent is started, that the session's options are known, and stay known without the registry.
   *
   * @throws PictlError STORAGE_UNAVAILABLE
   */
  settleOptions(record: SessionRecord, caller: Caller): void {
    const agentDir = agentDirOf(caller.environment ?? {}, record.cwd);
    const directory = directoryOf(record);
    // It was found there: not all that it was promised is in its options.
    if (directory !== undefined && record.origin === "pi") keptIn(directory, record.id);
    const noted = record.origin === "pi" ? notedOptions(record, agentDir) : undefined;
    if (noted !== undefined) {
      Object.assign(record, { options: noted, origin: "pictl", agentDir });
      this.save(record);
    }
    if (record.origin === "pi") return;
    try {
      writeOptionsNote(record, agentDir);
    } catch (error) {
      this.log.warn("options not noted", { session: record.id, error: String(error) });
    }
  }

  /** How the session's agent is to be started now. */
  agentPlan(record: SessionRecord, change: ModelChange = {}): AgentPlan {
    const { id, cwd, options, promised, promisedTools } = record;
    const file = this.#fileState(record);
    const directory = directoryOf(record);
    const policy = directory === undefined ? undefined : promisedPolicy(record, directory);
    const had = { promised, promisedTools, file, directory, policy };
    return { sessionId: id, place: placeOf(record), cwd, options, change, ...had };
  }

  inFile(record: SessionRecord): ModelAndLevel {
    const { model, thinking } = this.#fileState(record) ?? {};
    return { model, thinking };
  }

  #fileState(record: SessionRecord): FileState | undefined {
    const summary = this.summaryOf(record);
    return summary && { model: summary.model, thinking: summary.thinkingLevel, messages: summary.messages };
  }

  /** Takes a session for an agent that holds it already. Throws SESSION_IN_USE. */
  async drive(session: Session, agent: Agent, caller: Caller): Promise<void> {
    const held = await this.writers.hold(session.record, caller.environment, { lockOnly: true });
    await this.writers.whileHeld(held, Promise.resolve({ agent }), () => session.fileLeft());
  }

  isElsewhere({ record }: Session): boolean {
    return movedFile(record) !== undefined;
  }

  /** Refuses what needs the session's file, where that isn't the session's any more. Throws SESSION_FILE_LOST. */
  requireFile(session: Session): void {
    requireFile(session, this.#registry, (changed) => this.save(changed));
  }

  lookForOthers(record: SessionRecord, warnings: Warnings): void {
    this.#otherPis.look(record, warnings);
  }

  agentEnded(session: Session): void {
    if (session.record.options.ephemeral) this.forget(session);
  }

  agentParked(session: Session, agent: Agent): Promise<void> {
    const left = this.writers.takeBack(agent);
    return this.#pool.park(agent, session.id, session.record.options.ephemeral ?? false).finally(left);
  }

  /** Ends the agent that a sandboxed session has left, before its directory is removed. */
  async endParked({ id }: Session, directory: string): Promise<void> {
    await this.#pool.endParked(id, sandboxedFiles(directory));
  }

  mustYield(since: number): boolean {
    const [first] = this.#pool.waiting;
    return first !== undefined && first.since < since;
  }

  /** Runs `start` with a place among the live agents; the place goes to the agent that it gives. */
  async withPlace<T extends { agent: Agent }>(start: () => Promise<T>): Promise<T> {
    return await this.#pool.withPlace(start);
  }

  /** Sessions that wait for an agent because all are busy, the longest first. */
  waitingForAgent(): { sessionId: string; since: number }[] {
    return this.#pool.waiting;
  }

  /** Process ids of the agents that belong to no session. */
  spareAgents(): number[] {
    return this.#pool.sparePids;
  }

  /** Ends what agents are left, when every session has let go of its own. */
  async endAgents(): Promise<void> {
    await Promise.all([this.#pool.end(), this.starter.settled()]);
    this.#writes.flush();
  }

  /** Writes a session's record down, later when that fails: it is what pictl needs after its own death. */
  save(record: SessionRecord): void {
    if (!this.#sessions.has(record.id)) return;
    // First: it takes in what the session was named elsewhere.
    this.#keep(record);
    this.#writes.write(sessionKey(record), () => this.#registry.put(record));
  }

  #keep(record: SessionRecord): void {
    try {
      keepRecord(record, this.#keptNames);
    } catch (error) {
      this.log.warn("note of a session not written", { session: record.id, error: String(error) });
    }
  }

  /** Starts no more agents and lets nobody wait for one: the daemon is stopping. */
  refuseAgents(reason: PictlError): void {
    this.#pool.close(reason);
    this.starter.giveUp(reason);
  }

  turnBegan(): void {
    this.turns.started += 1;
  }

  turnEnded(outcome: TurnOutcome): void {
    this.turns[outcome] += 1;
  }

  becameIdle(): void {
    this.#pool.offerIdle();
  }

  /**
   * Takes the sandbox from a session that has it only because of where its file was found, as the user has said.
   *
   * @returns false where it can't be taken: a session that was created with one, or whose agent runs
   * @throws PictlError SANDBOX_REQUIRED, and what {@link AgentStarter.prepare} throws
   */
  async leaveOutSandbox(session: Session, caller: Caller): Promise<boolean> {
    const { record } = session;
    const { sandbox, ...others } = record.options;
    const isFound =
      sandbox === undefined ? this.#sandboxAround(record) !== undefined : record.origin === "pi";
    if (!isFound || session.agentPid !== undefined) return false;
    const options = { ...others, noSandbox: true };
    await this.starter.prepare({ ...this.agentPlan(record), options }, caller);
    record.options = options;
    this.save(record);
    return true;
  }

  // --- inside ------------------------------------------------------------------------------------------

  /**
   * A session that the registry knows. A turn that it has open was cut, unless another daemon with the same registry
   * runs it: one whose socket is elsewhere, as that of a shell without XDG_RUNTIME_DIR.
   */
  #known(record: SessionRecord): Session {
    this.#keptNames.see(record);
    if (record.openTurn === undefined || !this.writers.isHeldElsewhere(record))
      return new Session(record, this);
    this.#elsewhere.add(record.id);
    const { openTurn: _, ...closed } = record;
    this.#keptNames.see(closed);
    return new Session(closed, this);
  }

  /** Whether another daemon runs the session's turn; what became of it is read again when it doesn't any more. */
  #isElsewhere(session: Session): boolean {
    const { record } = session;
    if (!this.#elsewhere.has(record.id)) return false;
    if (this.writers.isHeldElsewhere(record)) return true;
    this.#elsewhere.delete(record.id);
    const written = this.#registry.get(record.id);
    // A turn of ours tells its own end.
    if (session.agentPid !== undefined || written === undefined) return false;
    record.interrupted = written.openTurn !== undefined || written.interrupted === true;
    return false;
  }

  #info(session: Session, summary: SessionSummary | undefined): SessionInfo {
    if (this.#isElsewhere(session)) {
      // Nothing is written either: the other daemon does.
      return { ...sessionInfo(session, summary, this.#current.isCurrent(session)), usedElsewhere: true };
    }
    const isSandboxed = directoryOf(session.record) !== undefined;
    if (isSandboxed && this.#keptNames.takeIn(session.record, summary?.name)) this.save(session.record);
    const { name, renamed } = session.record;
    // pi's file has the last word: a rename may have been cut before it was written down here.
    if (!renamed && !isSandboxed && summary?.name !== undefined && summary.name !== name) {
      session.record.name = summary.name;
      this.save(session.record);
    }
    return sessionInfo(session, summary, this.#current.isCurrent(session));
  }

  /** Every file that holds the session with this id: somebody may have copied one. */
  filesOf({ record }: Session, caller: Caller): string[] {
    return this.#filesOf(record.id, {
      ...this.#placeIn(caller.environment ?? {}),
      agentDir: record.agentDir,
    });
  }

  #filesOf(id: string, place: { agentDir: string; sessionDir?: string }): string[] {
    const { files } = listSessionFiles(place);
    return files.filter((file) => this.#summaries.of(file)?.id === id).map(({ path }) => path);
  }

  /**
   * Makes a session that pi's own terminal interface wrote one of ours.
   *
   * @throws PictlError SESSION_AMBIGUOUS when several files have its id
   */
  #takeIn(file: SessionFile, summary: SessionSummary): Session {
    if (file.sandboxed !== undefined) return this.#takeInSandboxed(file.path, file.sandboxed, summary);
    // Its name and what it says of itself may differ.
    const known = this.#sessions.get(summary.id);
    if (known !== undefined) return known;
    const directory = dirname(file.path);
    const isFlat = basename(dirname(directory)) !== "sessions";
    const place = { agentDir: dirname(dirname(directory)), ...(isFlat ? { sessionDir: directory } : {}) };
    const copies = this.#filesOf(summary.id, place);
    if (copies.length > 1) throw copiedSessionError(summary.id, copies);
    const sandbox = sandboxLookup(this.#registry)(file.path);
    // Nothing is awaited before it is added.
    this.reserve()();
    const record: SessionRecord = {
      id: summary.id,
      cwd: summary.cwd,
      // <agentDir>/sessions/<directory>/<file>
      agentDir: dirname(dirname(dirname(file.path))),
      file: file.path,
      options: sandbox === undefined ? {} : { sandbox },
      origin: "pi",
      createdAt: summary.createdAt,
      usedAt: summary.modifiedAt,
      closed: true,
      written: true,
      ...(summary.name === undefined ? {} : { name: summary.name }),
    };
    // Not by `add`: whoever only looks at it is not refused for a full disk, and it is found again.
    const session = new Session(record, this);
    this.#sessions.set(record.id, session);
    this.save(record);
    return session;
  }

  /** A session in a directory of its own that the registry doesn't know, with all that it was promised. */
  #takeInSandboxed(file: string, directory: string, summary: SessionSummary): Session {
    const known = this.#sessions.get(summary.id);
    if (known !== undefined) return known;
    this.reserve()();
    const kept = readKept(directory);
    const unknown = { id: summary.id, cwd: summary.cwd, agentDir: agentDirAround(directory), file };
    const record: SessionRecord = {
      ...(kept === undefined
        ? { ...unknown, options: { sandbox: "strict" }, origin: "pi", closed: true, written: true }
        : keptRecord(kept, file, directory)),
      createdAt: summary.createdAt,
      usedAt: summary.modifiedAt,
    };
    const session = new Session(record, this);
    this.#sessions.set(record.id, session);
    this.save(record);
    return session;
  }

  /** What the session's file says; undefined when that holds no session, or another one. */
  summaryOf({ id, file, agentDir }: SessionRecord): SessionSummary | undefined {
    const summary = file === undefined ? undefined : this.#summaries.ofPath(file, agentDir);
    return summary?.id === id ? summary : undefined;
  }

  /**
   * Whether somebody has taken the session's file away. The session stays known: when the file comes back, it must not
   * have lost the options it was created with.
   */
  #isGone({ record, state }: Session): boolean {
    const { file, written } = record;
    if (!written || (state !== "parked" && state !== "stopped")) return false;
    return file === undefined || !existsSync(file);
  }

  /** Looks for a file that was moved. */
  #followed(session: Session): Session {
    if (this.#isGone(session)) adoptMoved(session, this.#registry, (record) => this.save(record));
    return session;
  }

  /** Where pi keeps the sessions of a shell with this environment. */
  #placeIn(env: Environment): PiPlace {
    const sessionDir = sessionDirOf(env, process.cwd(), this.#agentPlaces);
    return { agentDir: agentDirOf(env), ...(sessionDir ? { sessionDir } : {}) };
  }

  /** A session without its file, by its id or its name here: who names it is told what is missing. */
  #findGone(reference: string, cwd: string | undefined): Session | undefined {
    const gone = this.all().filter((session) => this.#isGone(session));
    const rootOf = (directory: string) => this.#finder.repositoryOf(directory);
    const isHere = ({ record }: Session) => cwd === undefined || rootOf(record.cwd) === rootOf(cwd);
    return (
      gone.find(({ id }) => id === reference) ??
      gone.find((session) => session.record.name === reference && isHere(session))
    );
  }

  /** Makes room. Where options restrict what the agent may do, they must outlive the absence of the file. */
  #forgetDeleted(): void {
    for (const session of this.all()) {
      const { model: _, thinking: __, ...promised } = session.record.options;
      if (this.#isGone(session) && Object.keys(promised).length === 0) this.forget(session);
    }
  }

  /**
   * Whether the turns of all these sessions wait for an agent: each has a tool that prompts another session, which
   * waits for a place, or for the turn of a third one that does.
   */
  #allWaitForOthers(live: readonly Session[]): boolean {
    const blocked = new Set<string>();
    for (const asker of this.#pool.askers) {
      let id: string | undefined = asker;
      while (id !== undefined && !blocked.has(id)) {
        blocked.add(id);
        id = this.#sessions.get(id)?.askedBy;
      }
    }
    return live.every(({ id }) => blocked.has(id));
  }

  #parkLongestIdle(): MakingRoom {
    const waiting = new Set(this.#pool.waiting.map(({ sessionId }) => sessionId));
    const live = this.all().filter(
      ({ id, agentPid, state }) => agentPid !== undefined || (state === "starting" && !waiting.has(id)),
    );
    const idle = live.filter((session) => session.canPark);
    for (const session of idle.sort((a, b) => a.record.usedAt - b.record.usedAt)) {
      if (session.park()) return "coming";
    }
    if (live.length >= this.limits.maxLiveAgents && this.#allWaitForOthers(live)) return "deadlocked";
    const stuck = idle.length === 0 && live.every((session) => !session.isBusy);
    return live.length > 0 && stuck ? "stuck" : "working";
  }
}

/** What is kept of the session of a directory. Throws STORAGE_UNAVAILABLE where nothing is, or it can't be read. */
function keptIn(directory: string, id: string): KeptSession {
  let cause: unknown;
  try {
    const kept = readKept(directory);
    if (kept?.id === id) return kept;
  } catch (error) {
    cause = error;
  }
  throw unreadable(id, keptFile(directory), cause);
}

/** The session files of some directories, or of all. */
function filesIn(place: PiPlace, directories: ReadonlySet<string> | undefined): SessionFile[] {
  // A flat directory holds the sessions of every directory.
  if (directories === undefined || place.sessionDir !== undefined) return listSessionFiles(place).files;
  return [...directories].flatMap((cwd) => listSessionFiles({ ...place, cwd }).files);
}

function copiedSessionError(id: string, files: readonly string[]): PictlError {
  return new PictlError("SESSION_AMBIGUOUS", `${files.length} files hold session ${id}.`, {
    hint: `Move all but one of them away:\n${files.map((file) => `  ${file}`).join("\n")}`,
    details: { session: id, files },
  });
}

function sessionKey({ id }: { id: string }): string {
  return `session ${id}`;
}

/**
 * The directory that a session is to work in, free of links.
 *
 * @param places in which sandboxed agents can write
 * @throws PictlError DIRECTORY_NOT_FOUND, SANDBOX_CHANGED for a link that an agent could have made
 */
export function realDirectory(cwd: string, places: readonly string[]): string {
  let real: string;
  try {
    real = realpathSync(cwd);
  } catch (error) {
    throw new PictlError("DIRECTORY_NOT_FOUND", `The directory ${cwd} does not exist.`, {
      hint: "Create it, or run the command for another directory.",
      details: { cwd },
      cause: error,
    });
  }
  refuseWayOut(cwd, places, real);
  return real;
}
