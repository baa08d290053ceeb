import type { Agent } from "../agent/agent.ts";
import type { AgentRecord } from "../agent/rpc-channel.ts";
import type { DisplayedNotice } from "../protocol/requests.ts";
import type { Announcements } from "./announcements.ts";
import type { Commands } from "./commands.ts";
import { Displayed } from "./displayed.ts";
import { type Questions, questionOf } from "./questions.ts";
import type { SessionRecord } from "./registry.ts";
import type { SessionAgent } from "./session-agent.ts";
import type { Starting } from "./starting.ts";
import type { Turns } from "./turns.ts";

/** The parts of the session that records are for. */
export interface AgentRecordHooks {
  agent: SessionAgent;
  turns: Turns;
  commands: Commands;
  questions: Questions;
  starting: Starting;
  told: Announcements;
  save: (change: Partial<SessionRecord>) => void;
}

/** Where each record of the session's agent goes, and what pi has told with them. */
export class AgentRecords {
  readonly #hooks: AgentRecordHooks;
  readonly #displayed = new Displayed();
  #queuedInPi = { steering: [] as string[], followUp: [] as string[] };
  #compacting = false;
  #compactionAborted = false;

  constructor(hooks: AgentRecordHooks) {
    this.#hooks = hooks;
  }

  get isCompacting(): boolean {
    return this.#compacting;
  }

  /** Whether the last compaction ended because it was aborted. */
  get wasCompactionAborted(): boolean {
    return this.#compactionAborted;
  }

  /** What waits in pi for the running turn, as it told last. */
  get queuedInPi(): { steering: string[]; followUp: string[] } {
    return this.#queuedInPi;
  }

  /** What extensions have put up to be seen. */
  get notices(): DisplayedNotice[] {
    return this.#displayed.list();
  }

  /** All of this was the agent's, which the session no longer has. */
  agentLeft(): void {
    this.#queuedInPi = { steering: [], followUp: [] };
    this.#displayed.clear();
    this.#compacting = false;
  }

  /**
   * Takes one record.
   *
   * @param raw its text as pi wrote it
   * @param agent whose it is; undefined while it is starting
   */
  take(record: AgentRecord, raw: Buffer, agent: Agent | undefined): void {
    const { agent: its, turns, commands, questions, starting, told, save } = this.#hooks;
    told.log.appendEvent(raw);
    switch (record.type) {
      case "message_update":
        break;
      case "agent_start":
        turns.onAgentStart(commands.newestAsker?.onQuestion);
        break;
      case "agent_settled":
        turns.running?.tracker.observe(record);
        turns.onAgentSettled();
        break;
      case "compaction_start":
      case "compaction_end":
        this.#compacting = record.type === "compaction_start";
        this.#compactionAborted = record.aborted === true;
        told.emitState();
        turns.pump();
        break;
      case "session_info_changed":
        // In a sandbox anything may say so. `session rename` saves the name itself.
        if (typeof record.name === "string" && agent !== undefined && agent.sandboxProfile === undefined)
          save({ name: record.name });
        break;
      case "thinking_level_changed":
        its.thinkingChanged(String(record.level));
        break;
      case "extension_ui_request":
        this.#displayed.observe(record);
        // pi reads no answer before it is ready. Without one it gives up, or goes on when its own time is over.
        if (agent === undefined) starting.askedAtStart = questionOf(record)?.question;
        else {
          const asker = turns.running ?? commands.newestAsker;
          questions.ask(record, asker, (answer) => agent.notify(answer));
        }
        break;
      case "extension_error":
        if (turns.running !== undefined && record.event === "command")
          turns.running.brokenCommand = String(record.error);
        break;
      case "queue_update":
        this.#queuedInPi = { steering: texts(record.steering), followUp: texts(record.followUp) };
        break;
      default:
        turns.running?.tracker.observe(record);
    }
    told.subscribers.flush();
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
