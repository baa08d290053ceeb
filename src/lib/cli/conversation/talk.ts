import { randomUUID } from "node:crypto";
import type { Client } from "../../client/client.ts";
import { PictlError } from "../../core/errors.ts";
import type { Answer, Question } from "../../protocol/question.ts";
import type { RequestParams } from "../../protocol/requests.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { availableModels, meantModel, setModel } from "../change-model.ts";
import { modelName } from "../find-model.ts";
import { listModelsOfNewSession } from "../list-models.ts";
import type { PiBashResult, PiCommand, PiModel } from "../pi-data.ts";
import { currentDirectory, type Target } from "../session-flags.ts";
import { attach } from "./attach.ts";
import type { Conversation } from "./conversation.ts";
import { type ContextUse, SessionFacts } from "./session-facts.ts";
import { SessionLink } from "./session-link.ts";

/** What `pictl prompt` was told on its command line. */
export interface ConversationOptions {
  target: Target;
  /** Start a new session even where there is a current one. */
  fresh: boolean;
  /** How a new session is made. */
  create: NonNullable<RequestParams<"prompt">["create"]>;
  /** For a session that is there already; a new one has them in `create`. */
  model?: string | undefined;
  thinking?: RequestParams<"prompt">["thinking"] | undefined;
}

/** What a person does in a conversation, as requests to the daemon. Methods throw {@link PictlError}. */
export class Talk {
  readonly client: Client;
  /** Of the session that is shown. */
  #facts: SessionFacts;
  readonly #link: SessionLink;
  readonly #options: ConversationOptions;
  #onChange: (record?: StreamRecord) => void = () => undefined;
  /** For the next prompt: what the command line asked for, or `/model` before there is a session. */
  #model: string | undefined;
  #thinking: RequestParams<"prompt">["thinking"] | undefined;
  #fresh: boolean;
  /** What is on its way: it makes the session, moves to another one, or chooses its model. */
  #changing: Promise<unknown> | undefined;

  constructor(client: Client, options: ConversationOptions) {
    this.client = client;
    this.#facts = new SessionFacts(client);
    this.#options = options;
    this.#fresh = options.fresh;
    this.#model = options.model;
    this.#thinking = options.thinking;
    this.#link = new SessionLink(client, (record) => {
      if (record?.type === "turn_ended") void this.refresh();
      this.#onChange(record);
    });
  }

  get conversation(): Conversation {
    return this.#link.conversation;
  }

  get sessionId(): string | undefined {
    return this.#link.sessionId;
  }

  /** `provider/id`, or what the next prompt is to use. */
  get model(): string | undefined {
    return this.#model ?? this.conversation.model ?? this.#options.create.options?.model;
  }

  get thinking(): string | undefined {
    return this.#thinking ?? this.conversation.thinking ?? this.#options.create.options?.thinking;
  }

  get context(): ContextUse | undefined {
    return this.#facts.context;
  }

  /** Calls back after every change, with the record that made it. */
  onChange(listener: (record?: StreamRecord) => void): void {
    this.#onChange = listener;
  }

  /** Shows the session that was asked for, or an empty conversation. */
  async open(): Promise<void> {
    if (!this.#fresh) await this.#moveTo(this.#options.target);
  }

  async moveTo(sessionId: string): Promise<void> {
    while (this.#changing !== undefined) await this.#changed();
    this.#model = undefined;
    this.#thinking = undefined;
    await this.#change(() => this.#moveTo({ sessionId }));
  }

  /** An empty conversation, whose session is made by its first prompt. */
  async startFresh(): Promise<void> {
    while (this.#changing !== undefined) await this.#changed();
    this.#facts = new SessionFacts(this.client);
    this.#fresh = true;
    await this.#link.leave();
  }

  /** The session, which is made when there is none: something is to be done in it that isn't a prompt. */
  async needSession(): Promise<{ sessionId: string }> {
    while (this.#changing !== undefined) await this.#changed();
    return { sessionId: this.sessionId ?? (await this.#change(() => this.#create())) };
  }

  /**
   * Sends a message. While the agent works it goes to the running turn: at once (`steer`), or after its last
   * answer (`followUp`). Resolves when it was taken.
   */
  async prompt(text: string, whenBusy: "steer" | "followUp"): Promise<void> {
    while (this.#changing !== undefined) await this.#changed();
    const send = () => this.#send(text, whenBusy);
    await (this.sessionId === undefined ? this.#change(send) : send());
  }

  async #send(text: string, whenBusy: "steer" | "followUp"): Promise<void> {
    const turnId = randomUUID();
    const { conversation, sessionId } = this;
    const sent = await attach(text, this.client.server.maxMessageBytes);
    const [model, thinking] = [this.#model, this.#thinking];
    if (!conversation.busy) conversation.log.addPending(turnId, text);
    if (sessionId === undefined) this.#link.expect(turnId);
    this.#onChange();
    try {
      const accepted = await this.client.request("prompt", {
        ...this.#target(),
        ...sent,
        turnId,
        whenBusy,
        onQuestion: "wait",
        ...(sessionId === undefined ? { subscribe: true } : {}),
        ...(model === undefined ? {} : { model }),
        ...(thinking === undefined ? {} : { thinking }),
      });
      this.#link.adopt(accepted.sessionId);
      if (accepted.created) void this.refresh();
      this.#fresh = false;
      this.#model = undefined;
      this.#thinking = undefined;
      this.#warn(accepted.warnings);
    } catch (error) {
      this.#link.adopt(undefined);
      conversation.log.dropPending(turnId);
      if (sessionId === undefined) await this.#forgetMissing();
      throw error;
    }
  }

  /** Stops what runs. @returns the messages that were queued and not taken */
  async abort(): Promise<string[]> {
    const { sessionId, conversation } = this;
    if (sessionId === undefined) return [];
    const aborting = this.client.request("abort", { sessionId });
    // What waits for an answer doesn't see the abort before it has one.
    const questions = [...conversation.questions];
    const [{ steering, followUp }] = await Promise.all([
      aborting,
      ...questions.map((question) => this.#cancel(question)),
    ]);
    return [...steering, ...followUp];
  }

  async abortShell(): Promise<void> {
    await this.client.command("abort_bash", { ...(await this.needSession()) });
  }

  /** Runs a command in the session's directory; the model sees it with the next prompt, unless `hidden`. */
  async shell(command: string, hidden: boolean): Promise<void> {
    const target = await this.needSession();
    const { conversation } = this;
    const block = conversation.log.startShell(command);
    this.#onChange();
    try {
      const result = await this.client.command("bash", { ...target, command, excludeFromContext: hidden });
      const { output, exitCode } = result as PiBashResult;
      conversation.log.endShell(block, { output, exitCode });
    } catch (error) {
      conversation.log.endShell(block, {});
      throw error;
    } finally {
      this.#onChange();
    }
  }

  async respond(question: Question, answer: Answer): Promise<void> {
    if (this.sessionId === undefined) return;
    await this.client.request("respond", { sessionId: this.sessionId, questionId: question.id, answer });
  }

  /** Before there is a session, for the one that comes; else at once. */
  async setModel(name: string): Promise<void> {
    while (this.#changing !== undefined) await this.#changed();
    await this.#change(async () => {
      if (this.sessionId === undefined) {
        this.#model = modelName(await meantModel(name, () => this.models()));
        return;
      }
      await setModel(this.client, { sessionId: this.sessionId }, name);
      this.#model = undefined;
    });
    if (this.sessionId !== undefined) await this.refresh();
  }

  /** The models that the session can use, or a new one. */
  async models(): Promise<PiModel[]> {
    const { sessionId, client } = this;
    return sessionId === undefined
      ? await listModelsOfNewSession(client)
      : await availableModels(client, { sessionId });
  }

  async setThinking(level: NonNullable<RequestParams<"prompt">["thinking"]>): Promise<void> {
    while (this.#changing !== undefined) await this.#changed();
    if (this.sessionId === undefined) {
      this.#thinking = level;
      return;
    }
    await this.client.command("set_thinking_level", { sessionId: this.sessionId, level });
    this.#thinking = undefined;
    await this.refresh();
  }

  /** pi's own commands, templates and skills. Starts the agent of a session that is parked. */
  async commands(): Promise<PiCommand[]> {
    return this.sessionId === undefined ? [] : await this.#facts.commands(this.sessionId);
  }

  /** Reads anew what no record tells: the model, the context used, the cost. */
  async refresh(): Promise<void> {
    const { sessionId, conversation } = this;
    if (sessionId !== undefined) await this.#facts.refresh(sessionId, conversation);
    this.#onChange();
  }

  close(): void {
    this.#link.close();
  }

  async #cancel(question: Question): Promise<void> {
    try {
      await this.respond(question, { cancelled: true });
    } catch (error) {
      // The abort may have done so already.
      if (!(error instanceof PictlError) || error.code === "DAEMON_UNREACHABLE") throw error;
    }
  }

  /**
   * What is typed during a change waits for it: else it would make another session, or go to the model or session
   * before. Callers loop, so that nothing comes between the last look and what they do: one read may bring several lines.
   */
  async #changed(): Promise<void> {
    await this.#changing?.catch(() => undefined);
  }

  async #change<T>(action: () => Promise<T>): Promise<T> {
    const changing = action();
    this.#changing = changing;
    try {
      return await changing;
    } finally {
      this.#changing = undefined;
    }
  }

  async #create(): Promise<string> {
    const { name, options } = this.#options.create;
    const { sessionId, warnings } = await this.client.request("create_session", {
      cwd: currentDirectory(),
      ...(name === undefined ? {} : { name }),
      options: {
        ...options,
        ...(this.#model === undefined ? {} : { model: this.#model }),
        ...(this.#thinking === undefined ? {} : { thinking: this.#thinking }),
      },
    });
    this.#fresh = false;
    await this.#moveTo({ sessionId });
    this.#warn(warnings);
    return sessionId;
  }

  /** Shows what was warned of, such as what pi said when it started for the session. */
  #warn(warnings: readonly string[] | undefined): void {
    if (warnings === undefined) return;
    for (const warning of warnings) this.conversation.notice("warning", warning);
    this.#onChange();
  }

  /** A session that its first prompt made is gone again when that prompt failed before pi took it. */
  async #forgetMissing(): Promise<void> {
    const { sessionId } = this;
    if (sessionId === undefined) return;
    try {
      await this.client.request("get_session", { sessionId });
    } catch (error) {
      if (error instanceof PictlError && error.code === "SESSION_NOT_FOUND") this.#link.forget();
    }
  }

  #target(): Partial<RequestParams<"prompt">> {
    if (this.sessionId !== undefined) return { sessionId: this.sessionId };
    const { target, create } = this.#options;
    if (this.#fresh) return { cwd: currentDirectory(), fresh: true, create };
    return { ...target, create };
  }

  async #moveTo(target: Target): Promise<void> {
    this.#facts = new SessionFacts(this.client);
    if (await this.#link.open(target)) {
      this.#fresh = false;
      await this.refresh();
    }
  }
}
