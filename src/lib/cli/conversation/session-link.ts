import type { Client } from "../../client/client.ts";
import { toStreamRecords } from "../../client/stream-records.ts";
import { toPictlError } from "../../core/errors.ts";
import type { PushRecord } from "../../protocol/records.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import type { TranscriptMessage } from "../../protocol/transcript.ts";
import { STREAM_VERSION } from "../../protocol/version.ts";
import type { Target } from "../session-flags.ts";
import { Conversation } from "./conversation.ts";

/**
 * Keeps a {@link Conversation} up to date with one session of the daemon, or with none yet. Moving to another
 * session begins another conversation.
 */
export class SessionLink {
  conversation = new Conversation();
  /** Known once there is a session. */
  sessionId: string | undefined;
  readonly #client: Client;
  readonly #onChange: (record?: StreamRecord) => void;
  readonly #stop: () => void;
  /** Records that came before it was known what to do with them. */
  #held: PushRecord[] | undefined;
  /** A turn that creates the session it runs in: its records come before the answer that names it. */
  #expectedTurn: string | undefined;

  constructor(client: Client, onChange: (record?: StreamRecord) => void) {
    this.#client = client;
    this.#onChange = onChange;
    this.#stop = client.onRecord((record) => this.#onRecord(record));
  }

  /**
   * Shows a session and follows it.
   *
   * @returns false when there is none: a directory without a current session
   * @throws PictlError SESSION_NOT_FOUND for a session that was named, SESSION_AMBIGUOUS, …
   */
  async open(target: Target): Promise<boolean> {
    await this.leave();
    const found = await this.#find(target);
    if (found === undefined) return false;
    this.sessionId = found;
    this.#held = [];
    // In this order nothing is missed; what comes twice is sorted out.
    await this.#client.request("subscribe", { sessionId: found });
    const {
      session,
      notices = [],
      messages = [],
    } = await this.#client.request("get_session", {
      sessionId: found,
      messages: true,
    });
    this.conversation.load(session, messages);
    for (const notice of notices) {
      this.conversation.apply({
        v: STREAM_VERSION,
        type: "notice",
        sessionId: found,
        level: "info",
        ...notice,
      });
    }
    this.#release(messages);
    this.#onChange();
    return true;
  }

  /** Begins an empty conversation, without a session until the next prompt. */
  async leave(): Promise<void> {
    const left = this.sessionId;
    this.sessionId = undefined;
    this.#held = undefined;
    this.#expectedTurn = undefined;
    this.conversation = new Conversation();
    this.#onChange();
    if (left !== undefined) await this.#client.request("unsubscribe", { sessionId: left });
  }

  /** The next session that runs this turn is ours. */
  expect(turnId: string): void {
    this.#expectedTurn = turnId;
    this.#held = [];
  }

  /** The session that was waited for, or undefined when none came of it. */
  adopt(sessionId: string | undefined): void {
    if (this.#expectedTurn === undefined) return;
    this.#expectedTurn = undefined;
    this.sessionId = sessionId;
    this.#release([]);
  }

  /** The session doesn't exist any more; what was shown stays. */
  forget(): void {
    this.sessionId = undefined;
    this.#held = undefined;
    this.conversation.info = undefined;
    this.conversation.turnId = undefined;
    this.conversation.state = "stopped";
  }

  close(): void {
    this.#stop();
  }

  async #find(target: Target): Promise<string | undefined> {
    try {
      const { session } = await this.#client.request("get_session", target);
      return session.id;
    } catch (error) {
      if (!("sessionId" in target) && toPictlError(error).code === "SESSION_NOT_FOUND") return undefined;
      throw error;
    }
  }

  #onRecord(record: PushRecord): void {
    if (this.#held !== undefined) {
      this.#held.push(record);
      if (record.type === "turn" && record.turn.id === this.#expectedTurn) this.adopt(record.sessionId);
    } else {
      this.#apply(record);
    }
  }

  #apply(record: PushRecord): void {
    // Of a session that was left a moment ago.
    if (record.sessionId !== this.sessionId) return;
    for (const part of toStreamRecords(record)) {
      this.conversation.apply(part);
      this.#onChange(part);
    }
  }

  #release(known: readonly TranscriptMessage[]): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    const mine = held.filter(({ sessionId }) => sessionId === this.sessionId).flatMap(toStreamRecords);
    for (const record of withoutKnown(mine, known)) {
      this.conversation.apply(record);
      this.#onChange(record);
    }
  }
}

/** The records without those whose messages and tool calls the transcript holds already. */
export function withoutKnown(
  records: readonly StreamRecord[],
  known: readonly TranscriptMessage[],
): StreamRecord[] {
  const messages = new Set(known.map(({ role, text }) => `${role}\n${text}`));
  const results = new Set(known.flatMap(({ toolCallId }) => toolCallId ?? []));
  const kept: StreamRecord[] = [];
  let pieces: StreamRecord[] = [];
  for (const record of records) {
    if (record.type === "text" || record.type === "thinking") {
      pieces.push(record);
    } else if (record.type === "message" && messages.has(`${record.role}\n${record.text}`)) {
      // Its pieces are known with it.
      if (record.role === "assistant") pieces = [];
    } else if (record.type !== "tool" || !results.has(record.id)) {
      kept.push(...pieces, record);
      pieces = [];
    }
  }
  return [...kept, ...pieces];
}
