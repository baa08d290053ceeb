import { chmodSync, rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { z } from "zod/mini";
import { buildInfo } from "../core/build-info.ts";
import type { Config } from "../core/config.ts";
import { PictlError, toPictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Paths } from "../core/paths.ts";
import { clientReady, type ServerReady } from "../protocol/records.ts";
import type { DaemonStatus } from "../protocol/requests.ts";
import { majorOf, PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Caller } from "../session/caller.ts";
import type { Sessions } from "../session/sessions.ts";
import { Connection } from "./connection.ts";
import { dispatch, shuttingDown } from "./dispatch.ts";
import type { HandlerContext } from "./handlers.ts";

/** A client that has connected and says nothing holds a descriptor; this is how long it may. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Running turns get this long to end when the daemon is asked to stop. */
const DRAIN_TIMEOUT_MS = 30_000;
/** How often the daemon looks whether it is idle and whether its socket is still there. */
const WATCH_INTERVAL_MS = 15_000;

export interface DaemonOptions {
  paths: Paths;
  config: Config;
  sessions: Sessions;
  log: Logger;
  /** Called once, after the last agent has ended and the socket is gone. */
  onStopped: () => void;
}

/** The daemon: connections on one socket, the sessions behind them, and its own end. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #startedAt = Date.now();
  #lastActivity = Date.now();
  #socketInode: number | undefined;
  #watch: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #abandonDrain: (() => void) | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Takes the socket over from a dead predecessor (the lock has shown that there is no live one) and listens. */
  async listen(): Promise<void> {
    const { paths } = this.#options;
    rmSync(paths.socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(paths.socket, resolve);
    });
    chmodSync(paths.socket, 0o600);
    this.#socketInode = statSync(paths.socket).ino;
    const interval = Math.min(
      WATCH_INTERVAL_MS,
      this.#options.config.daemon.idleTimeoutMs || WATCH_INTERVAL_MS,
    );
    this.#watch = setInterval(() => this.#look(), interval);
  }

  /** Ends the daemon: at once for what is idle, after a bounded time for what runs. A second call hurries it. */
  stop(reason: string, now: boolean): Promise<void> {
    if (now) this.#abandonDrain?.();
    this.#stopping ??= this.#stop(reason, now);
    return this.#stopping;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  get #busy(): boolean {
    return this.#options.sessions.all().some((session) => session.turnId !== undefined || session.queued > 0);
  }

  #accept(socket: Socket): void {
    const { config, log } = this.#options;
    const connection = new Connection(socket, config.limits.maxMessageBytes, log);
    const ended = new AbortController();
    const handshake = setTimeout(() => connection.destroy(), HANDSHAKE_TIMEOUT_MS);
    this.#connections.add(connection);
    this.#lastActivity = Date.now();
    connection.listen(
      (frame) => {
        this.#lastActivity = Date.now();
        if (connection.isReady) void this.#request(connection, frame, ended.signal);
        else if (this.#shakeHands(connection, frame)) clearTimeout(handshake);
      },
      () => {
        clearTimeout(handshake);
        ended.abort();
        this.#connections.delete(connection);
        this.#lastActivity = Date.now();
        for (const session of this.#options.sessions.all()) session.subscribers.remove(connection);
      },
    );
    connection.send(this.#ready());
  }

  #ready(): ServerReady {
    const data = {
      ...buildInfo(),
      protocolVersion: PROTOCOL_VERSION,
      pid: process.pid,
      busy: this.#busy,
      maxMessageBytes: this.#options.config.limits.maxMessageBytes,
    };
    return { type: "server_ready", data };
  }

  #shakeHands(connection: Connection, frame: string): boolean {
    try {
      const { data } = z.parse(clientReady, JSON.parse(frame));
      if (majorOf(data.protocolVersion) !== majorOf(PROTOCOL_VERSION)) {
        throw new PictlError(
          "PROTOCOL_MISMATCH",
          `The client speaks protocol ${data.protocolVersion}, this daemon ${PROTOCOL_VERSION}.`,
          { hint: "Run `pictl daemon restart` with the newer pictl." },
        );
      }
      connection.caller = { pid: data.pid, environment: data.environment };
      connection.isReady = true;
      return true;
    } catch (error) {
      const failure =
        error instanceof PictlError
          ? error
          : new PictlError("INVALID_INPUT", "The first record must be client_ready.");
      connection.respond({ command: "client_ready", error: failure });
      connection.end();
      return false;
    }
  }

  async #request(connection: Connection, frame: string, signal: AbortSignal): Promise<void> {
    const context: HandlerContext = {
      isStopping: this.isStopping,
      sessions: this.#options.sessions,
      caller: connection.caller,
      sink: connection,
      signal,
      daemon: {
        status: () => this.#status(),
        diagnostics: (caller) => this.#diagnostics(caller),
        stop: (now) => void this.stop("asked to stop", now),
      },
    };
    await dispatch(frame, context, (answer) => {
      if (signal.aborted) return;
      if (answer.error !== undefined) {
        const error = toPictlError(answer.error);
        const details = error.code === "INTERNAL" ? { stack: (error.cause as Error | undefined)?.stack } : {};
        this.#options.log.warn("request failed", {
          command: answer.command,
          code: error.code,
          error: error.message,
          ...details,
        });
      }
      connection.respond(answer);
    });
  }

  #status(): DaemonStatus {
    const { paths, config, sessions } = this.#options;
    const all = sessions.all();
    return {
      pid: process.pid,
      ...buildInfo(),
      protocolVersion: PROTOCOL_VERSION,
      startedAt: this.#startedAt,
      uptimeMs: Date.now() - this.#startedAt,
      memoryBytes: process.memoryUsage.rss(),
      socket: paths.socket,
      log: paths.log,
      connections: this.#connections.size,
      sessions: all.length,
      agents: all.flatMap((session) =>
        session.agentPid === undefined
          ? []
          : [{ sessionId: session.id, pid: session.agentPid, state: session.state }],
      ),
      queued: all.reduce((sum, session) => sum + session.queued, 0),
      idleTimeoutMs: config.daemon.idleTimeoutMs,
    };
  }

  async #diagnostics(caller: Caller): Promise<Record<string, unknown>> {
    const { sessions, paths } = this.#options;
    const pi = await sessions.starter
      .resolvePi(caller.environment ?? {})
      .catch((error: unknown) => ({ error: toPictlError(error).toBody() }));
    const orphans = await sessions.starter.findOrphans(paths.runtimeDir);
    return { ...this.#status(), pi, orphans };
  }

  #look(): void {
    const { config, paths } = this.#options;
    const inode = statSync(paths.socket, { throwIfNoEntry: false })?.ino;
    // Removed by a cleaner of temporary files: nobody can reach this daemon any more.
    if (inode !== this.#socketInode) void this.stop("the socket is gone", false);
    const { idleTimeoutMs } = config.daemon;
    if (idleTimeoutMs <= 0 || this.#connections.size > 0 || this.#busy) return;
    if (Date.now() - this.#lastActivity >= idleTimeoutMs) void this.stop("idle", false);
  }

  async #stop(reason: string, now: boolean): Promise<void> {
    const { sessions, paths, log } = this.#options;
    log.info("stopping", { reason, now });
    clearInterval(this.#watch);
    for (const connection of this.#connections) {
      connection.send({ type: "server_shutdown", data: { reason } });
    }
    // Whoever comes meanwhile can look and abort; new work is refused.
    if (!now) await this.#drain();
    sessions.refuseAgents(shuttingDown());
    await Promise.all(sessions.all().map((session) => session.close({}, false)));
    // Only the holder of the lock may remove the socket, and only its own.
    const own = statSync(paths.socket, { throwIfNoEntry: false })?.ino === this.#socketInode;
    this.#server.close();
    if (own) rmSync(paths.socket, { force: true });
    for (const connection of this.#connections) connection.end();
    rmSync(paths.pid, { force: true });
    log.info("stopped", { uptimeMs: Date.now() - this.#startedAt });
    this.#options.onStopped();
  }

  async #drain(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      this.#abandonDrain = resolve;
      timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
    });
    const settled = Promise.all(this.#options.sessions.all().map((session) => session.settled()));
    await Promise.race([settled, limit]);
    clearTimeout(timer);
  }
}
