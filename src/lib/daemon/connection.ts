import type { Socket } from "node:net";
import { toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { encodeFrame, FrameDecoder, handshakeTooLarge } from "../protocol/framing.ts";
import type { Response } from "../protocol/records.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Caller } from "../session/caller.ts";
import type { Sink } from "../session/subscribers.ts";

/** As the configuration's default. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * So many times what may wait for a subscriber may wait for any client before nothing more is taken from it: one
 * that asks and never reads would fill memory with answers. More, so that a slow subscriber can still abort its
 * turn.
 */
const UNREAD_ANSWERS_SHARE = 4;

/** More frames than this at once are a flood: no model speaks that fast. */
const FLOOD_FRAMES = 20;
/** How long the frames of a flood are collected; below what anybody sees. */
const FLOOD_FLUSH_MS = 2;

/** One client: its frames in, its responses and records out. */
export class Connection implements Sink {
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #log: Logger;
  readonly #maxUnreadBytes: number;
  /** Frames of this tick, and their size. */
  #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #isFlooding = false;
  /** Called when all has gone out. */
  #waitingForRoom: (() => void)[] = [];
  /** Set by the client's `client_ready`. */
  caller: Caller = {};
  isReady = false;

  /**
   * @param maxFrameBytes of a frame, until {@link ready} says otherwise
   * @param maxUnreadBytes that may wait for the client before its subscriptions pause: they catch up later
   */
  constructor(socket: Socket, maxFrameBytes: number, log: Logger, maxUnreadBytes: number = MAX_UNREAD_BYTES) {
    this.#socket = socket;
    this.#maxUnreadBytes = maxUnreadBytes;
    this.#decoder = new FrameDecoder(maxFrameBytes);
    this.#log = log;
  }

  /** The client has introduced itself, and sends requests from now on. */
  ready(caller: Caller, maxMessageBytes: number): void {
    this.caller = caller;
    this.isReady = true;
    this.#decoder.limitTo(maxMessageBytes);
  }

  /** Calls back for each frame, in order, until the connection ends. */
  listen(onFrame: (frame: string) => void, onClose: () => void): void {
    this.#socket.on("data", (chunk: Buffer) => {
      // What follows a refused frame is in the middle of nowhere.
      if (this.#socket.writableEnded) return;
      let frames: string[];
      try {
        frames = this.#decoder.push(chunk);
      } catch (error) {
        this.respond({ command: "unknown", error: this.isReady ? error : handshakeTooLarge() });
        this.end();
        return;
      }
      this.#handOver(frames, onFrame);
    });
    this.#socket.on("error", (error) => this.#log.debug("connection error", { error: error.message }));
    this.#socket.on("close", onClose);
  }

  /** Hands frames over one by one until too much waits for the client; then goes on when it has read. */
  #handOver(frames: readonly string[], onFrame: (frame: string) => void): void {
    for (const [index, frame] of frames.entries()) {
      if (this.#socket.destroyed || this.#socket.writableEnded) return;
      if (this.#unread >= UNREAD_ANSWERS_SHARE * this.#maxUnreadBytes) {
        this.#socket.pause();
        this.onDrain(() => {
          this.#socket.resume();
          this.#handOver(frames.slice(index), onFrame);
        });
        return;
      }
      onFrame(frame);
    }
  }

  get #unread(): number {
    return this.#socket.writableLength + this.#unsentBytes;
  }

  send(record: object): void {
    this.write(Buffer.from(encodeFrame(record)));
  }

  respond(answer: { id?: string | undefined; command: string; data?: unknown; error?: unknown }): void {
    const { id, command, data, error } = answer;
    const record: Response = {
      ...(id === undefined ? {} : { id }),
      type: "response",
      command,
      success: error === undefined,
      ...(error === undefined
        ? data === undefined
          ? {}
          : { data }
        : { error: toPictlError(error).toBody() }),
      protocolVersion: PROTOCOL_VERSION,
    };
    this.send(record);
  }

  /**
   * Frames of one tick go out as one piece, and those of a flood as one piece every few milliseconds: what a
   * stream costs is not its bytes but how often it wakes its reader.
   */
  write(frame: Buffer): boolean {
    if (this.#unsent.length === 0) {
      const flush = () => this.#flush();
      if (this.#isFlooding) setTimeout(flush, FLOOD_FLUSH_MS);
      else process.nextTick(flush);
    }
    this.#unsent.push(frame);
    this.#unsentBytes += frame.length;
    return this.#unread < this.#maxUnreadBytes;
  }

  onDrain(callback: () => void): void {
    this.#waitingForRoom.push(callback);
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const piece = Buffer.concat(this.#unsent, this.#unsentBytes);
    this.#isFlooding = this.#unsent.length > FLOOD_FRAMES;
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#socket.write(piece, this.#onWritten);
  }

  /** Not the socket's `drain`: that comes only after its own mark, which may be above the limit here. */
  readonly #onWritten = (): void => {
    if (this.#unread > 0) return;
    for (const callback of this.#waitingForRoom.splice(0)) callback();
  };

  /** Ends the connection once what was written has gone out; a client that doesn't read is cut off. */
  end(): void {
    this.#flush();
    this.#socket.end();
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
