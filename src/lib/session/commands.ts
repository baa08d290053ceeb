import type { PictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { QuestionPolicy } from "../protocol/question-policies.ts";
import type { Caller } from "./caller.ts";
import type { Parking } from "./parking.ts";
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

/** One of pi's own commands. */
export interface Command {
  type: string;
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
  parking: Parking;
  reloading: Reloading;
  log: Logger;
}

/** pi's commands that run beside the turn, or without one. */
export class Commands {
  readonly #sessionId: string;
  readonly #hooks: CommandHooks;
  /** Those that run and may make the agent ask something, the newest last. */
  readonly #askers: Asker[] = [];

  constructor(sessionId: string, hooks: CommandHooks) {
    this.#sessionId = sessionId;
    this.#hooks = hooks;
  }

  get areAny(): boolean {
    return this.#askers.length > 0;
  }

  get newestAsker(): Asker | undefined {
    return this.#askers.at(-1);
  }

  /** See `Session.command`. */
  async run(command: Command, caller: Caller, options: CommandOptions): Promise<unknown> {
    const { agent: its, turns, parking, reloading, log } = this.#hooks;
    const { onQuestion = "fail", timeoutMs = COMMAND_TIMEOUT_MS } = options;
    return await this.#asking(onQuestion, async () => {
      // pi's own `compact` would abort the turn first.
      if (command.type === "compact") turns.refuseWhileWorking();
      const writes = !READING_COMMAND.test(command.type);
      if (writes) await reloading.takeInForeignWrites();
      const agent = await its.ensure(caller);
      const ids = { request: caller.request, command: command.type, agent: agent.pid };
      log.debug("command sent", { ...ids, session: this.#sessionId });
      const unbounded = UNBOUNDED_COMMANDS.has(command.type) && options.timeoutMs === undefined;
      const data =
        command.type === "set_model"
          ? await its.setModel(agent, command, caller, () => turns.refuseWhileWorking())
          : await agent.call(command, unbounded ? undefined : timeoutMs);
      // Its text may have been an extension's command.
      const moved = command.type === "prompt" ? await turns.endIfMoved(agent) : undefined;
      if (moved !== undefined) throw moved;
      its.observe(command, data);
      if (writes && turns.running === undefined) void reloading.foreign.check(agent);
      parking.schedule();
      return data;
    });
  }

  /** Runs something that may make the agent ask, and fails it when it asks where nobody may answer. */
  async #asking<T>(onQuestion: QuestionPolicy, run: () => Promise<T>): Promise<T> {
    let unanswered: PictlError | undefined;
    const asker: Asker = {
      onQuestion,
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
    }
  }
}
