import type { Readable, Writable } from "node:stream";
import { PictlError } from "../core/errors.ts";
import { parseObject } from "../core/session-files/json.ts";
import { encodeFrame, FrameDecoder } from "../protocol/framing.ts";

/**
 * The longest record taken from an agent. The largest that pi sends is what a model is given (`get_messages`, and
 * `agent_end` with the messages of a run), and no provider takes a request of more than 50 MB; twice that
 * leaves room for a session that has been compacted. A line that never ends costs about as much memory, once.
 */
const MAX_RECORD_BYTES = 100 * 1024 * 1024;

/** pi's answer to one command; `data` is as pi's rpc-commands.md describes it for that command. */
export interface AgentResponse {
  type: "response";
  id?: string;
  command: string;
  success: boolean;
  data?: unknown;
  error?: string;
}

/** Any other record: an event, or a request of an extension's user interface. */
export interface AgentRecord {
  type: string;
  [field: string]: unknown;
}

export interface RpcChannelHandlers {
  /** Each record that isn't the answer to a request, with its text as pi wrote it (no LF). */
  onRecord: (record: AgentRecord, raw: Buffer) => void;
  /** A line that isn't a JSON object with a `type`. */
  onGarbage: (line: string) => void;
  /**
   * The stream broke (a record over the limit, a read or write error); the channel is closed after it.
   * `broken` says what the agent did, when it is the agent's fault and it may live on.
   */
  onFailure: (error: PictlError, broken?: string) => void;
}

interface Waiter {
  settle: (response: AgentResponse) => void;
  fail: (error: PictlError) => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Requests and records over a pair of byte streams. Knows no process, so that tests can drive it over
 * in-memory streams.
 */
export class RpcChannel {
  readonly #input: Writable;
  readonly #handlers: RpcChannelHandlers;
  readonly #maxRecordBytes: number;
  readonly #decoder: FrameDecoder;
  readonly #waiters = new Map<string, Waiter>();
  #nextId = 1;
  #closed: PictlError | undefined;

  constructor(
    input: Writable,
    output: Readable,
    handlers: RpcChannelHandlers,
    maxRecordBytes: number = MAX_RECORD_BYTES,
  ) {
    this.#maxRecordBytes = maxRecordBytes;
    this.#decoder = new FrameDecoder(maxRecordBytes);
    this.#input = input;
    this.#handlers = handlers;
    output.on("data", (chunk: Buffer) => this.#receive(chunk));
    output.on("error", (error) => this.#fail(`reading from the agent failed: ${error.message}`));
    input.on("error", (error) => this.#fail(`writing to the agent failed: ${error.message}`));
  }

  /** Whether a command has no answer yet, also one that nobody waits for any more. */
  get isWaiting(): boolean {
    return this.#waiters.size > 0;
  }

  /**
   * Sends a command and waits for its response. `onResponse` runs synchronously when the response is read,
   * before any record behind it is handled: whoever must answer ahead of the events that follow needs that. It
   * also runs for a response that comes after the time limit: until then the agent is at work on the command.
   *
   * @param timeoutMs bound of the wait; absent for commands that last as long as their work (`compact`, `bash`)
   * @throws PictlError AGENT_TIMEOUT, or the reason the channel was closed with
   */
  request(
    command: { type: string; [field: string]: unknown },
    options: { timeoutMs?: number; onResponse?: (response: AgentResponse) => void } = {},
  ): Promise<AgentResponse> {
    if (this.#closed) return Promise.reject(this.#closed);
    // `bash` repeats the id in its events, by whose end its caller knows them from those of another one.
    const { executionId, ...sent } = command;
    const id = `pictl-${this.#nextId++}${typeof executionId === "string" ? `-${executionId}` : ""}`;
    let frame: string;
    try {
      // `bash` repeats the id in its events, so ours must win over one that a caller passed.
      frame = encodeFrame({ ...sent, id });
    } catch (error) {
      return Promise.reject(unwritable(command.type, error));
    }
    return new Promise((resolve, reject) => {
      const { timeoutMs, onResponse } = options;
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              reject(
                new PictlError(
                  "AGENT_TIMEOUT",
                  `The agent did not answer ${command.type} within ${timeoutMs} ms.`,
                  {
                    hint: "Run `pictl session close` and prompt again: a new agent resumes the session.",
                    details: { command: command.type, timeoutMs },
                    retryable: true,
                  },
                ),
              );
            }, timeoutMs);
      this.#waiters.set(id, {
        timer,
        fail: reject,
        settle: (response) => {
          onResponse?.(response);
          resolve(response);
        },
      });
      this.#input.write(frame);
    });
  }

  /** Sends a record that has no response (`extension_ui_response`), with its own id untouched. */
  notify(record: { type: string; [field: string]: unknown }): void {
    if (!this.#closed) this.#input.write(encodeFrame(record));
  }

  /** Fails every waiting request with the reason. Further requests fail with it too. */
  close(reason: PictlError): void {
    if (this.#closed) return;
    this.#closed = reason;
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) {
      clearTimeout(waiter.timer);
      waiter.fail(reason);
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    let frames: Buffer[];
    try {
      frames = this.#decoder.pushBytes(chunk);
    } catch {
      const fault = `sent a record of more than ${this.#maxRecordBytes} bytes`;
      this.#fail(`the agent ${fault}`, fault);
      return;
    }
    for (const frame of frames) this.#handle(frame);
  }

  #handle(frame: Buffer): void {
    const record = parseRecord(frame);
    if (record === undefined) {
      this.#handlers.onGarbage(frame.toString("utf8"));
      return;
    }
    // `bash_execution_update` carries the id of its command too: only a response settles a request.
    if (record.type !== "response") {
      this.#handlers.onRecord(record, frame);
      return;
    }
    const response = record as unknown as AgentResponse;
    const waiter = response.id === undefined ? undefined : this.#waiters.get(response.id);
    if (waiter === undefined || response.id === undefined) return;
    this.#waiters.delete(response.id);
    clearTimeout(waiter.timer);
    waiter.settle(response);
  }

  #fail(reason: string, fault?: string): void {
    if (this.#closed) return;
    const error = new PictlError("AGENT_DIED", `Lost the agent: ${reason}.`, { retryable: true });
    this.close(error);
    this.#handlers.onFailure(error, fault);
  }
}

/** `JSON.parse` takes any depth, `JSON.stringify` only what the stack holds. */
function unwritable(type: string, error: unknown): PictlError {
  return new PictlError("INVALID_INPUT", `The command ${type} can't be written: it is nested too deep.`, {
    hint: "Send plainer values.",
    details: { command: type },
    cause: error,
  });
}

/**
 * Deltas are nearly all of what pi sends, and nothing in the daemon looks into one: they are recognised by how
 * pi begins them and passed on unread; parsing them was the largest part of what the daemon added to a stream.
 */
const DELTA_START = Buffer.from('{"type":"message_update",');
const CLOSING_BRACE = 0x7d;
const DELTA: AgentRecord = Object.freeze({ type: "message_update" });

function parseRecord(frame: Buffer): AgentRecord | undefined {
  const beginsAsDelta =
    frame.length > DELTA_START.length && DELTA_START.compare(frame, 0, DELTA_START.length) === 0;
  if (beginsAsDelta && frame.at(-1) === CLOSING_BRACE) return DELTA;
  const value = parseObject(frame.toString("utf8"));
  // Else the caller is told through onGarbage.
  return typeof value?.type === "string" ? (value as AgentRecord) : undefined;
}
