import type { Agent } from "../agent/agent.ts";
import { PictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { QuestionPolicy } from "../protocol/question-policies.ts";
import type { Caller } from "./caller.ts";
import type { Asker } from "./questions.ts";
import type { Reloading } from "./reloading.ts";
import type { SessionAgent } from "./session-agent.ts";
import type { Turns } from "./turns.ts";

/** Commands that are answered from memory; longer means the agent is stuck. */
const COMMAND_TIMEOUT_MS = 30_000;
/** Commands that last as long as their work does. */
const UNBOUNDED_COMMANDS = new Set(["compact", "bash"]);
/** Commands that write nothing into the session's file. */
const READING_COMMAND = /^(get_|abort|export_|clear_queue$)/;
/** Commands that pi answers at once. All others are work: the session's state shows them. */
const INSTANT_COMMAND = /^(get_|set_|cycle_|abort|clear_queue$|steer$|follow_up$)/;
/** How long pi may take to end a compaction or a shell command that is aborted. */
const ABORT_TIMEOUT_MS = 10_000;
/** pi loses an abort that comes before the work that it should end has begun. */
const ABORT_AGAIN_MS = 250;
/** Commands that don't make the model work. */
const WITHOUT_MODEL = /^(get_|set_|cycle_|abort|export_|clear_queue$|bash$)/;

/** One of pi's own commands. */
export interface Command {
  type: string;
  /** Is refused where the agent has another model or thinking level than the session. Not for pi. */
  ownModel?: unknown;
  [field: string]: unknown;
}

export interface CommandOptions {
  /** What becomes of a question that comes meanwhile, outside of a turn. */
  onQuestion?: QuestionPolicy | undefined;
  /** Bounds the wait for pi's response (ms); absent: as long as such a command may take. */
  timeoutMs?: number | undefined;
}

/** The other parts of the session. */
export interface CommandHooks {
  agent: SessionAgent;
  turns: Turns;
  reloading: Reloading;
  log: Logger;
  /** Throws SESSION_IN_USE while a pi that no pictl has started has the session. */
  lookForOthers: () => void;
  isCompacting: () => boolean;
  /** Whether the last compaction ended because it was aborted. */
  wasCompactionAborted: () => boolean;
  /** A command has begun or ended. */
  changed: () => void;
}

/** A command from the moment it is sent until pi answers it, however long its caller waits. */
interface Running {
  type: string;
  /** Who asked for its end. */
  abort?: { pid: number | undefined };
  ended: Promise<void>;
}

/** A command that takes time and isn't with pi yet: its agent is starting, or its session's file is read. */
interface Waiting {
  type: string;
  /** The command is never sent, and its caller gets this. */
  abort: (error: PictlError) => void;
}

/** pi's commands that run beside the turn, or without one. */
export class Commands {
  readonly #sessionId: string;
  readonly #hooks: CommandHooks;
  /** Those that run and may make the agent ask something, the newest last. */
  readonly #askers: Asker[] = [];
  readonly #running = new Set<Running>();
  readonly #waiting = new Set<Waiting>();

  constructor(sessionId: string, hooks: CommandHooks) {
    this.#sessionId = sessionId;
    this.#hooks = hooks;
  }

  /** Whether a command is under way that the end of the agent would cut. */
  get areAny(): boolean {
    return this.#askers.length > 0 || this.#running.size > 0;
  }

  /** Whether pi is at work on a command that takes time, such as `bash`. */
  get areWorking(): boolean {
    return [...this.#running].some(({ type }) => !INSTANT_COMMAND.test(type));
  }

  get areCompacting(): boolean {
    return [...this.#running].some(({ type }) => type === "compact");
  }

  get newestAsker(): Asker | undefined {
    return this.#askers.at(-1);
  }

  /** See `Session.command`. */
  async run({ ownModel, ...command }: Command, caller: Caller, options: CommandOptions): Promise<unknown> {
    const { agent: its, turns, reloading, log } = this.#hooks;
    const { onQuestion = "fail", timeoutMs = COMMAND_TIMEOUT_MS } = options;
    if (command.type === "abort_bash") {
      this.abortWaiting(caller, "bash");
      // There is no agent to start for it: nothing runs without one.
      if (its.live === undefined) return undefined;
    }
    return await this.#asking(onQuestion, async () => {
      // pi's own `compact` would abort the turn first.
      if (command.type === "compact") turns.refuseWhileWorking();
      const writes = !READING_COMMAND.test(command.type);
      const agent = await this.#unlessAborted(command.type, async () => {
        if (writes) await reloading.takeInForeignWrites();
        // A turn has looked before it began.
        if (writes && turns.running === undefined) this.#hooks.lookForOthers();
        // One that differs is started anew, as for a prompt: the session's own model may be available now.
        const anyModel = WITHOUT_MODEL.test(command.type) && !(ownModel && its.differs);
        return await its.ensure(caller, { anyModel });
      });
      if (/_thinking_level/.test(command.type)) its.refuseOtherModel();
      if (ownModel) its.refuseDifference();
      const ids = { request: caller.request, command: command.type, agent: agent.pid };
      log.debug("command sent", { ...ids, session: this.#sessionId });
      // A turn may have begun meanwhile.
      if (command.type === "compact") turns.refuseWhileWorking();
      // The session may be closed before what it writes has been compared.
      if (writes && turns.running === undefined) reloading.foreign.working();
      const unbounded = UNBOUNDED_COMMANDS.has(command.type) && options.timeoutMs === undefined;
      const data =
        command.type === "set_model"
          ? await its.setModel(agent, command, caller, () => turns.refuseWhileWorking())
          : await this.#call(agent, command, unbounded ? undefined : timeoutMs);
      // Its text may have been an extension's command.
      const moved = command.type === "prompt" ? await turns.endIfMoved(agent) : undefined;
      if (moved !== undefined) throw moved;
      // A model may have taken another agent. Where pi had no next one, nothing was chosen.
      const hadNext = !/^cycle_/.test(command.type) || (data ?? null) !== null;
      if (hadNext) await its.observe(its.live ?? agent, command);
      if (writes && turns.running === undefined) reloading.foreign.checkLater(agent);
      return data;
    });
  }

  /**
   * To be asked before the agent is ended for another one.
   *
   * @throws PictlError SESSION_BUSY when that would cut a command
   */
  refuseWhileWorking(): void {
    if (!this.areWorking) return;
    const running = [...this.#running].find(({ type }) => !INSTANT_COMMAND.test(type));
    throw new PictlError(
      "SESSION_BUSY",
      `Session ${this.#sessionId} is running a command (${running?.type}), and this needs another agent.`,
      {
        hint: "Wait for it with `pictl session wait`, or end it with `pictl session abort`.",
        details: { sessionId: this.#sessionId, command: running?.type },
        retryable: true,
      },
    );
  }

  /**
   * Ends what takes time and waits for its agent, and a compaction, or else the shell commands that run.
   *
   * @returns what has ended; undefined when nothing ran, or it ended by itself
   */
  async abort(caller: Caller): Promise<"compaction" | "command" | undefined> {
    const waited = this.abortWaiting(caller);
    return (await this.#abortRunning(caller)) ?? waited;
  }

  /**
   * Lets no command reach pi that still waits for its agent. The start goes on: others may wait for it.
   *
   * @param type only commands of this type; absent: all that take time
   * @returns what has ended; undefined when nothing waited
   */
  abortWaiting({ pid }: Caller, type?: string): "compaction" | "command" | undefined {
    const all = [...this.#waiting].filter((each) => type === undefined || each.type === type);
    for (const each of all) each.abort(abortedBeforeItBegan(each.type, pid));
    if (all.length === 0) return undefined;
    return all.every((each) => each.type === "compact") ? "compaction" : "command";
  }

  async #abortRunning({ pid }: Caller): Promise<"compaction" | "command" | undefined> {
    const { agent, isCompacting, wasCompactionAborted } = this.#hooks;
    const compacting = isCompacting();
    const type = compacting ? "compact" : "bash";
    const all = [...this.#running].filter((each) => each.type === type);
    if (!compacting && all.length === 0) return undefined;
    for (const each of all) each.abort ??= { pid };
    const isGoingOn = () => (compacting ? isCompacting() : all.some((each) => this.#running.has(each)));
    const abort = { type: compacting ? "abort" : "abort_bash" };
    const deadline = performance.now() + ABORT_TIMEOUT_MS;
    while (isGoingOn() && performance.now() < deadline) {
      await agent.live?.call(abort, ABORT_TIMEOUT_MS);
      if (isGoingOn()) await Promise.race([...all.map(({ ended }) => ended), pause(ABORT_AGAIN_MS)]);
    }
    if (isGoingOn() || (compacting && !wasCompactionAborted())) return undefined;
    return compacting ? "compaction" : "command";
  }

  /** The agent has gone, and with it whatever it was at work on. */
  agentLeft(): void {
    this.#running.clear();
  }

  /** Runs what comes before a command is sent, and throws TURN_ABORTED as soon as the command is aborted meanwhile. */
  async #unlessAborted<T>(type: string, prepare: () => Promise<T>): Promise<T> {
    if (INSTANT_COMMAND.test(type)) return await prepare();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    let error: PictlError | undefined;
    const waiting: Waiting = {
      type,
      abort: (reason) => {
        error ??= reason;
        reject(reason);
      },
    };
    this.#waiting.add(waiting);
    try {
      const prepared = await Promise.race([prepare(), aborted]);
      // It came when the agent was there already, and this had not been told.
      if (error !== undefined) throw error;
      return prepared;
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  async #call(agent: Agent, command: Command, timeoutMs: number | undefined): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const running: Running = { type: command.type, ended: promise };
    const end = () => {
      resolve();
      if (this.#running.delete(running)) this.#hooks.changed();
    };
    this.#running.add(running);
    this.#hooks.changed();
    try {
      const data = await agent.call(command, timeoutMs, end);
      end();
      return data;
    } catch (error) {
      const late = error instanceof PictlError && error.code === "AGENT_TIMEOUT";
      if (!late) end();
      const wasAborted = command.type === "compact" && running.abort && this.#hooks.wasCompactionAborted();
      throw wasAborted ? compactionAborted(running.abort?.pid) : error;
    }
  }

  /** Runs something that may make the agent ask, and fails it when it asks where nobody may answer. */
  async #asking<T>(onQuestion: QuestionPolicy, run: () => Promise<T>): Promise<T> {
    let unanswered: PictlError | undefined;
    const asker: Asker = {
      onQuestion,
      hint: "Only a prompt can be answered while it runs: see `pictl prompt --help`, --on-question.",
      fail: (error) => {
        unanswered ??= error;
      },
    };
    this.#askers.push(asker);
    try {
      const result = await run();
      if (unanswered !== undefined) throw unanswered;
      return result;
    } catch (error) {
      throw unanswered ?? error;
    } finally {
      this.#askers.splice(this.#askers.indexOf(asker), 1);
      this.#hooks.changed();
    }
  }
}

function abortedBeforeItBegan(type: string, pid: number | undefined): PictlError {
  const what = type === "compact" ? "compaction" : "command";
  const by = pid === undefined ? "" : ` (by process ${pid})`;
  return new PictlError("TURN_ABORTED", `The ${what} was aborted from elsewhere${by} before it began.`, {
    hint: "Nothing of it has run.",
  });
}

function compactionAborted(pid: number | undefined): PictlError {
  const by = pid === undefined ? "" : ` (by process ${pid})`;
  return new PictlError("TURN_ABORTED", `The compaction was aborted from elsewhere${by}.`, {
    hint: "The session is as it was. Run `pictl session compact` again.",
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
