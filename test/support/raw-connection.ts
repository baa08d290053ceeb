import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FrameDecoder } from "../../src/lib/protocol/framing.ts";
import { PROTOCOL_VERSION } from "../../src/lib/protocol/version.ts";
import { scaled } from "./speed.ts";
import type { Json } from "./streams.ts";

const MAX_RECORD_BYTES = 256 * 1024 * 1024;

/** How long a kernel that takes only a few waiting connections is asked again. */
const BACKLOG_TIMEOUT_MS = scaled(10_000);

async function connected(path: string): Promise<Socket> {
  for (const end = Date.now() + BACKLOG_TIMEOUT_MS; ; ) {
    const socket = connect(path);
    try {
      await once(socket, "connect");
      return socket;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || Date.now() > end) throw error;
      await new Promise(setImmediate);
    }
  }
}

/** One connection to the daemon without the manners of `Client`: sends any bytes and keeps all that comes. */
export class RawConnection {
  readonly socket: Socket;
  /** Everything but `server_ready`, in order. */
  readonly records: Json[] = [];
  readonly closed: Promise<void>;
  readonly #decoder = new FrameDecoder(MAX_RECORD_BYTES);
  #isClosed = false;
  #changed: (() => void)[] = [];

  private constructor(socket: Socket, onRecord?: (record: Json) => void) {
    this.socket = socket;
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#isClosed = true;
        resolve();
        this.#wake();
      });
    });
    socket.on("data", (chunk: Buffer) => {
      for (const frame of this.#decoder.push(chunk)) {
        const record = JSON.parse(frame) as Json;
        if (onRecord === undefined) this.records.push(record);
        else onRecord(record);
      }
      this.#wake();
    });
  }

  /** Connects, and shakes hands when an environment is given. */
  static async open(
    path: string,
    environment?: Record<string, unknown>,
    onRecord?: (record: Json) => void,
  ): Promise<RawConnection> {
    const socket = await connected(path);
    const connection = new RawConnection(socket, onRecord);
    if (environment !== undefined) {
      const data = { version: "raw", protocolVersion: PROTOCOL_VERSION, environment };
      connection.write(`${JSON.stringify({ type: "client_ready", data })}\n`);
    }
    return connection;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  send(record: object): void {
    this.write(`${JSON.stringify(record)}\n`);
  }

  /** Sends a request and waits for the answer with its id; events on the way stay in `records`. */
  async ask(record: Json & { id: string }): Promise<Json> {
    this.send(record);
    return await this.until((each) => each.type === "response" && each.id === record.id);
  }

  /** The first record that fits, also of those that came already; rejects when the connection ends without it. */
  async until(fits: (record: Json) => boolean): Promise<Json> {
    for (let seen = 0; ; ) {
      const found = this.records.slice(seen).find(fits);
      if (found !== undefined) return found;
      seen = this.records.length;
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.records).slice(0, 2000)}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  /** Closes it without a word and waits until it is closed on this side. */
  async destroy(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
