import type { Question } from "../../protocol/question.ts";
import type { SessionInfo, SessionState } from "../../protocol/session.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import type { TranscriptMessage } from "../../protocol/transcript.ts";
import { sanitize } from "../render/text-width.ts";
import { adviceHere } from "./advice.ts";
import { BlockList } from "./block-list.ts";
import type { Block, NoticeLevel } from "./blocks.ts";
import { ExtensionDisplay } from "./extension-display.ts";
import { recentBlocks } from "./transcript-blocks.ts";

type RecordOf<T extends StreamRecord["type"]> = Extract<StreamRecord, { type: T }>;

/** States in which the agent does something that can be interrupted. */
const BUSY: readonly SessionState[] = ["starting", "working", "compacting", "waiting"];

/**
 * What a terminal shows of one session: its blocks, and what goes on. Takes the session's records in order and
 * knows neither the daemon nor the screen.
 */
export class Conversation {
  readonly log = new BlockList();
  readonly extensions = new ExtensionDisplay();
  /** Messages before the first block. */
  earlier = 0;
  info: SessionInfo | undefined;
  state: SessionState = "stopped";
  /** The running turn. */
  turnId: string | undefined;
  model: string | undefined;
  thinking: string | undefined;
  /** US dollars, of the whole session. */
  cost = 0;
  /** Messages that wait inside the running turn. */
  queue: { steering: string[]; followUp: string[] } = { steering: [], followUp: [] };
  /** Questions that wait for an answer, oldest first. */
  readonly questions: Question[] = [];

  get blocks(): readonly Block[] {
    return this.log.blocks;
  }

  get busy(): boolean {
    return this.turnId !== undefined || BUSY.includes(this.state);
  }

  /** What was said before now. */
  load(info: SessionInfo, messages: readonly TranscriptMessage[]): void {
    const { blocks, earlier } = recentBlocks(messages);
    this.earlier = earlier;
    this.update(info);
    this.turnId = info.turnId;
    this.log.load(blocks, info.turnId !== undefined);
    for (const question of info.questions ?? []) this.#openQuestion(question);
  }

  /** What the daemon knows of the session, read anew. */
  update(info: SessionInfo): void {
    this.info = info;
    this.state = info.state;
    this.model = info.model ?? this.model;
    this.thinking = info.thinking ?? this.thinking;
    this.cost = info.cost;
  }

  /** Something that is to be seen and that nobody said. */
  notice(level: NoticeLevel, text: string): void {
    this.log.notice(level, text);
  }

  apply(record: StreamRecord): void {
    switch (record.type) {
      case "turn_started":
        this.turnId = record.turnId;
        break;
      case "turn_ended":
        if (this.turnId === record.turnId) this.turnId = undefined;
        this.queue = { steering: [], followUp: [] };
        this.log.endTurn(record.turnId);
        break;
      case "text":
      case "thinking":
        this.log.add(record.type, record.text);
        break;
      case "message":
        this.model = record.model ?? this.model;
        this.log.addMessage(record, this.turnId);
        break;
      case "tool":
        this.log.addTool(record);
        break;
      case "shell":
        this.log.addShell(record.text);
        break;
      case "question":
        this.#onQuestion(record);
        break;
      case "notice":
        if (!this.extensions.take(record)) this.notice(record.level, record.text);
        break;
      case "queue": {
        const [steering, followUp] = [record.steering, record.followUp].map((texts) =>
          texts.map((text) => sanitize(text)),
        );
        this.queue = { steering: steering ?? [], followUp: followUp ?? [] };
        break;
      }
      case "state":
        this.state = record.state;
        break;
      case "usage":
        this.model = record.model ?? this.model;
        this.cost += record.cost;
        break;
      case "gap":
        this.notice("warning", `${record.missed} records were missed here`);
        break;
      case "error":
        this.#onError(record);
        break;
      case "turn_queued":
        break;
    }
  }

  #onQuestion({ state, question }: RecordOf<"question">): void {
    if (state === "open") {
      this.#openQuestion(question);
      return;
    }
    const index = this.questions.findIndex(({ id }) => id === question.id);
    if (index !== -1) this.questions.splice(index, 1);
    this.notice("quiet", `${question.title}: ${state}`);
  }

  #openQuestion(question: Question): void {
    if (this.questions.some(({ id }) => id === question.id)) return;
    const { message, placeholder, prefill } = question;
    // An option has to be given back as it came: whoever shows it makes it safe.
    this.questions.push({
      ...question,
      title: sanitize(question.title),
      ...(message === undefined ? {} : { message: sanitize(message) }),
      ...(placeholder === undefined ? {} : { placeholder: sanitize(placeholder) }),
      ...(prefill === undefined ? {} : { prefill: sanitize(prefill) }),
    });
  }

  #onError({ code, message, hint: given }: RecordOf<"error">): void {
    const hint = adviceHere({ code, hint: given });
    if (code === "TURN_ABORTED") this.notice("quiet", "Aborted");
    else this.notice("error", hint === undefined ? message : `${message}\n${hint}`);
  }
}
