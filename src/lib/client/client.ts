import { connect, type Socket } from "node:net";
import { PictlError, systemErrorCode, toPictlError } from "../core/errors.ts";
import { ownInherited } from "../core/inherited.ts";
import { raiseLimit } from "../core/limit-error.ts";
import type { Environment } from "../core/paths.ts";
import { parseObject } from "../core/session-files/json.ts";
import { encodeFrame, FrameDecoder, handshakeTooLarge, MAX_HANDSHAKE_BYTES } from "../protocol/framing.ts";
import type {
  PushRecord,
  Response,
  ServerReady,
  ServerRecord,
  SessionElsewhere,
} from "../protocol/records.ts";
import type { PassedThrough, RequestName, RequestParams, RequestResults } from "../protocol/requests.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import { DeltaJoiner } from "./join-deltas.ts";

/** A daemon that accepts a connection and doesn't say who it is within this time is stuck. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How long a daemon may be too busy to take a connection. */
const CONNECT_TIMEOUT_MS = 10_000;
const CONNECT_AGAIN_MS = 20;
/** A daemon takes milliseconds to read what is left; one that hangs keeps nobody. */
const CLOSE_TIMEOUT_MS = 1_000;
/** A transcript of a large session comes as one record. */
const MAX_RECORD_BYTES = 512 * 1024 * 1024;

interface Waiter {
  resolve: (data: unknown) => void;
  reject: (error: PictlError) => void;
}

/** One connection to the daemon: typed requests, and the records that it sends by itself. */
export class Client {
  /** What the daemon said of itself when the connection began. */
  readonly server: ServerReady["data"];
  /** Called when the name that a request gives is that of another directory's session. */
  onElsewhere: ((session: SessionElsewhere["data"]) => void) | undefined;
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #waiters = new Map<string, Waiter>();
  readonly #listeners = new Set<(record: PushRecord) => void>();
  readonly #deltas = new DeltaJoiner();
  readonly #closeListeners = new Set<(error: PictlError) => void>();
  #nextId = 1;
  #shutdownReason: string | undefined;
  #closed: PictlError | undefined;
  #isClosing = false;

  private constructor(socket: Socket, decoder: FrameDecoder, server: ServerReady["data"]) {
    this.#socket = socket;
    this.#decoder = decoder;
    this.server = server;
  }

  /**
   * Connects to a daemon that runs and waits for its `server_ready`. Says nothing yet: the caller may find
   * that it wants another daemon.
   *
   * @returns undefined when nobody listens at this socket
   * @throws PictlError DAEMON_UNREACHABLE
   */
  static async connect(socketPath: string): Promise<Client | undefined> {
    const deadline = performance.now() + CONNECT_TIMEOUT_MS;
    for (;;) {
      const socket = connect(socketPath);
      try {
        await new Promise<void>((resolve, reject) => {
          socket.once("connect", resolve);
          socket.once("error", reject);
        });
      } catch (error) {
        const code = systemErrorCode(error);
        if (code === "ENOENT" || code === "ECONNREFUSED") return undefined;
        // A full backlog: the daemon is there and busy.
        if (code !== "EAGAIN") throw unreachable(socketPath, `connecting failed (${code})`, false);
        if (performance.now() > deadline)
          throw unreachable(socketPath, `it took no connection within ${CONNECT_TIMEOUT_MS / 1000} s`);
        await new Promise((resolve) => setTimeout(resolve, CONNECT_AGAIN_MS));
        continue;
      }
      return await Client.#handshake(socket, socketPath);
    }
  }

  static async #handshake(socket: Socket, socketPath: string): Promise<Client | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Client | undefined>();
    const timer = setTimeout(() => {
      socket.destroy();
      reject(unreachable(socketPath, `it said nothing within ${HANDSHAKE_TIMEOUT_MS / 1000} s`));
    }, HANDSHAKE_TIMEOUT_MS);
    const decoder = new FrameDecoder(MAX_RECORD_BYTES);
    let client: Client | undefined;
    socket.on("data", (chunk: Buffer) => {
      if (client !== undefined) return client.#receive(chunk);
      const [first, ...rest] = decoder.push(chunk);
      if (first === undefined) return;
      const ready = parse(first);
      if (ready?.type !== "server_ready") {
        socket.destroy();
        return reject(unreachable(socketPath, "something else answers there", false));
      }
      client = new Client(socket, decoder, ready.data);
      for (const frame of rest) client.#handle(frame);
      resolve(client);
    });
    socket.on("error", () => socket.destroy());
    // Closed before it spoke: a daemon that is just going away, so it is as if none were there.
    socket.on("close", () => (client === undefined ? resolve(undefined) : client.#onClose()));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Answers the daemon's greeting. Every request comes after it. Throws MESSAGE_TOO_LARGE. */
  introduce(version: string, environment: Environment): void {
    const data = {
      version,
      protocolVersion: PROTOCOL_VERSION,
      pid: process.pid,
      environment,
      ...ownInherited(),
    };
    const frame = encodeFrame({ type: "client_ready", data });
    if (Buffer.byteLength(frame) > MAX_HANDSHAKE_BYTES) {
      this.close();
      throw handshakeTooLarge();
    }
    this.#socket.write(frame);
  }

  /**
   * Sends a request and gives its `data`. There is no time limit here: a prompt may wait its turn for hours,
   * and the end of the connection ends every wait.
   *
   * @throws PictlError what the daemon answered, MESSAGE_TOO_LARGE, DAEMON_UNREACHABLE when it went away
   */
  async request<N extends RequestName>(type: N, params: RequestParams<N>): Promise<RequestResults[N]> {
    return (await this.#send(type, params)) as RequestResults[N];
  }

  /** Sends one of pi's commands to a session's agent and gives pi's `data`. */
  command(type: PassedThrough, params: Record<string, unknown>): Promise<unknown> {
    return this.#send(type, params);
  }

  /** Calls back for every record of a subscribed session. @returns the end of it */
  onRecord(listener: (record: PushRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back once when the connection has ended. @returns the end of it */
  onClose(listener: (error: PictlError) => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /** Ends the connection. What was sent is read by the daemon first, such as an abort whose answer nobody waits for. */
  close(): void {
    if (this.#waiters.size === 0) {
      this.#socket.destroy();
      return;
    }
    // A daemon that writes to a connection which is gone reads nothing more of it: this end stays until it has.
    this.#isClosing = true;
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #send(type: string, params: object): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#isClosing) return Promise.reject(connectionEnded());
    const id = String(this.#nextId++);
    const frame = encodeFrame({ ...params, id, type });
    const limit = this.server.maxMessageBytes;
    if (Buffer.byteLength(frame) > limit) {
      return Promise.reject(
        new PictlError(
          "MESSAGE_TOO_LARGE",
          `The request has ${Buffer.byteLength(frame)} bytes, the limit is ${limit}.`,
          {
            hint: `Put the text into a file and name the file in the prompt. ${raiseLimit("max_message_bytes")}`,
            details: { bytes: Buffer.byteLength(frame), limit: "max_message_bytes", value: limit },
          },
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject });
      this.#socket.write(frame);
    });
  }

  #receive(chunk: Buffer): void {
    let frames: string[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      this.#end(toPictlError(error));
      return;
    }
    for (const frame of frames) this.#handle(frame);
  }

  #handle(frame: string): void {
    if (this.#isClosing) return;
    const record = parse(frame);
    if (record === undefined) return;
    if (record.type === "response") this.#settle(record);
    else if (record.type === "server_shutdown") this.#shutdownReason = record.data.reason;
    else if (record.type === "session_elsewhere") this.onElsewhere?.(record.data);
    else if (record.type !== "server_ready") this.#pushed(record);
  }

  #pushed(record: PushRecord): void {
    this.#deltas.join(record);
    for (const listener of [...this.#listeners]) listener(record);
  }

  #settle(response: Response): void {
    const error = response.error === undefined ? undefined : PictlError.fromBody(response.error);
    const waiter = response.id === undefined ? undefined : this.#waiters.get(response.id);
    if (waiter === undefined || response.id === undefined) {
      // Not an answer to a request of ours: the daemon refuses the connection as a whole.
      if (error !== undefined) this.#end(error);
      return;
    }
    this.#waiters.delete(response.id);
    if (error === undefined) waiter.resolve(response.data);
    else waiter.reject(error);
  }

  #onClose(): void {
    const why = this.#shutdownReason === undefined ? "" : `: it is stopping (${this.#shutdownReason})`;
    this.#end(connectionEnded(why));
  }

  #end(error: PictlError): void {
    if (this.#closed) return;
    this.#closed = error;
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
    for (const listener of [...this.#closeListeners]) listener(error);
    this.#socket.destroy();
  }
}

function connectionEnded(why = ""): PictlError {
  return new PictlError("DAEMON_UNREACHABLE", `The connection to the daemon ended${why}.`, {
    hint: "Run the command again: it starts a new daemon, and sessions go on where pi saved them.",
    retryable: true,
  });
}

function parse(frame: string): ServerRecord | undefined {
  const record = parseObject(frame);
  // Both ends are pictl's own and of one protocol version, so the envelope is all that is checked here. Of what is no
  // record, whoever waits learns by what is missing.
  return record !== undefined && "type" in record ? (record as unknown as ServerRecord) : undefined;
}

function unreachable(socketPath: string, why: string, retryable = true): PictlError {
  return new PictlError("DAEMON_UNREACHABLE", `The daemon at ${socketPath} can't be reached: ${why}.`, {
    hint: "Run `pictl doctor`. A daemon that hangs is ended with `pictl daemon stop --force`.",
    details: { socket: socketPath },
    retryable,
  });
}
