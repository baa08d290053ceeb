import { chmodSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { z } from "zod/mini";
import { buildInfo } from "../core/build-info.ts";
import type { Config } from "../core/config.ts";
import { PictlError, toPictlError } from "../core/errors.ts";
import { limitExceeded } from "../core/limit-error.ts";
import type { Logger } from "../core/logger.ts";
import type { Paths } from "../core/paths.ts";
import type { History } from "../history/history.ts";
import { MAX_HANDSHAKE_BYTES } from "../protocol/framing.ts";
import { clientReady, type ServerReady } from "../protocol/records.ts";
import type { DaemonStatus } from "../protocol/requests.ts";
import { majorOf, PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Caller } from "../session/caller.ts";
import type { Sessions } from "../session/sessions.ts";
import { ClientLink } from "./client-link.ts";
import { Connection } from "./connection.ts";
import { dispatch, shuttingDown } from "./dispatch.ts";
import { Figures } from "./figures.ts";
import type { HandlerContext } from "./handlers.ts";
import { untilQuiet } from "./quiet.ts";
import { daemonStatus } from "./status.ts";

/** Connections that may wait to be taken: a burst of clients is no reason to turn one away. The kernel may allow fewer. */
const BACKLOG = 4_096;

/** A client that has connected and says nothing holds a descriptor; this is how long it may. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** What was written last goes out within this time, or its client isn't reading. */
const CLOSE_TIMEOUT_MS = 1_000;
/** How often the daemon looks whether it is idle and whether its socket is still there. */
const WATCH_INTERVAL_MS = 15_000;

export interface DaemonOptions {
  paths: Paths;
  config: Config;
  sessions: Sessions;
  history: History;
  log: Logger;
  /** A listening socket that systemd has handed over: it is not this daemon's to remove. */
  activatedFd?: number | undefined;
  /** Of clients that give none. */
  umask?: number | undefined;
  /** Ends what agents have left that are gone. */
  endLeftovers: () => Promise<void>;
  /** Called once, after the last agent has ended and the socket is gone. */
  onStopped: () => void;
}

export interface StopOptions {
  /** Abort what runs instead of waiting for it. */
  now?: boolean | undefined;
  /** End the agents at once, without asking them to stop. */
  force?: boolean | undefined;
}

/** The daemon: connections on one socket, the sessions behind them, and its own end. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #server: Server;
  readonly #clients = new Set<ClientLink>();
  readonly #figures = new Figures();
  readonly #startedAt = Date.now();
  /** Of the code that runs; a source tree may have changed since it was loaded. */
  readonly #build = buildInfo();
  #lastActivity = Date.now();
  #socketInode: number | undefined;
  #watch: NodeJS.Timeout | undefined;
  /** Whether background commands of agents ran at the last look: too costly to find out for each connection. */
  #hadLeftovers = false;
  #stopping: Promise<void> | undefined;
  readonly #drain = new AbortController();

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /**
   * Listens: on the socket that systemd has handed over, or on one of its own, which takes the place of a dead
   * predecessor's (the lock has shown that there is no live one).
   */
  async listen(): Promise<void> {
    const { paths, activatedFd } = this.#options;
    // Not at its own name: Node removes that when it closes, even where another's socket stands there by then.
    const birthplace = join(paths.runtimeDir, "new.sock");
    if (activatedFd === undefined) rmSync(birthplace, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      if (activatedFd === undefined) this.#server.listen({ path: birthplace, backlog: BACKLOG }, resolve);
      else this.#server.listen({ fd: activatedFd }, resolve);
    });
    if (activatedFd === undefined) {
      chmodSync(birthplace, 0o600);
      renameSync(birthplace, paths.socket);
    }
    this.#socketInode = statSync(paths.socket, { throwIfNoEntry: false })?.ino;
    const interval = Math.min(
      WATCH_INTERVAL_MS,
      this.#options.config.daemon.idleTimeoutMs || WATCH_INTERVAL_MS,
    );
    this.#watch = setInterval(() => this.#look(), interval);
  }

  /**
   * Ends the daemon: at once when nothing runs, else when that has ended or its time is over. Another call only
   * hurries it.
   */
  stop(reason: string, { now = false, force = false }: StopOptions = {}): Promise<void> {
    if (now || force) this.#drain.abort();
    // What is stopping in an orderly way by now is not waited for any longer.
    if (force) for (const session of this.#options.sessions.all()) session.endAgent();
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  get #busy(): boolean {
    return this.#options.sessions.all().some((session) => session.isBusy);
  }

  get #hasLeftovers(): boolean {
    return this.#options.sessions.all().some((session) => session.hasLeftovers);
  }

  /** An idle ephemeral session is nothing that runs, but it would be gone. */
  get #mayBeReplaced(): boolean {
    const { sessions } = this.#options;
    return (
      !this.#hadLeftovers && !sessions.all().some(({ isBusy, record }) => isBusy || record.options.ephemeral)
    );
  }

  #accept(socket: Socket): void {
    const { maxConnections, maxSubscriberBytes } = this.#options.config.limits;
    const connection = new Connection(socket, MAX_HANDSHAKE_BYTES, this.#options.log, maxSubscriberBytes);
    if (this.#clients.size >= maxConnections && !this.#dropSilent()) {
      this.#turnAway(connection);
      return;
    }
    const client = new ClientLink(connection, this.#figures);
    const handshake = setTimeout(() => connection.destroy(), HANDSHAKE_TIMEOUT_MS);
    this.#clients.add(client);
    this.#lastActivity = Date.now();
    connection.listen(
      (frame) => {
        this.#lastActivity = Date.now();
        if (connection.isReady) void this.#request(client, frame);
        else if (this.#shakeHands(connection, frame)) clearTimeout(handshake);
      },
      () => {
        clearTimeout(handshake);
        client.end();
        this.#clients.delete(client);
        this.#lastActivity = Date.now();
        for (const session of this.#options.sessions.all()) session.subscribers.remove(connection);
      },
    );
    connection.send(this.#ready());
  }

  /**
   * Lets go of the connection that has said nothing for longest, so that many of them keep nobody out.
   *
   * @returns false when every client has introduced itself
   */
  #dropSilent(): boolean {
    const silent = [...this.#clients].find(({ connection }) => !connection.isReady);
    if (silent === undefined) return false;
    this.#clients.delete(silent);
    silent.connection.destroy();
    return true;
  }

  /** Says who refuses, and why: without the first record a client would take it for something else. */
  #turnAway(connection: Connection): void {
    const { maxConnections } = this.#options.config.limits;
    this.#figures.connections.refused += 1;
    connection.listen(
      () => undefined,
      () => undefined,
    );
    connection.send(this.#ready());
    const message = `${maxConnections} clients are connected to the daemon, and no more may be.`;
    const hint = "Close some of them (a `session watch`, a conversation), or try again.";
    const error = limitExceeded("max_connections", maxConnections, message, { hint, retryable: true });
    connection.respond({ command: "client_ready", error });
    connection.end();
  }

  #ready(): ServerReady {
    const data = {
      ...this.#build,
      protocolVersion: PROTOCOL_VERSION,
      pid: process.pid,
      busy: !this.#mayBeReplaced,
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
          `The client (${data.version}) speaks protocol ${data.protocolVersion}, this daemon (pictl ${this.#build.version}) ${PROTOCOL_VERSION}.`,
          { hint: "Run `pictl daemon restart` with the newer pictl." },
        );
      }
      const { maxMessageBytes } = this.#options.config.limits;
      const { pid, environment, umask = this.#options.umask, limits } = data;
      connection.ready({ pid, environment, umask, limits }, maxMessageBytes);
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

  async #request(client: ClientLink, frame: string): Promise<void> {
    const { config, sessions, history, log } = this.#options;
    const { connection, signal } = client;
    const request = client.begin();
    const context: HandlerContext = {
      isStopping: this.isStopping,
      overload: client.overload(config.limits.maxPendingRequests),
      sessions,
      history,
      caller: {
        ...connection.caller,
        request: request.name,
        usesElsewhere: (data) => connection.send({ type: "session_elsewhere", data }),
      },
      sink: connection,
      signal,
      daemon: {
        status: () => this.#status(),
        diagnostics: (caller) => this.#diagnostics(caller),
        stop: (how) => void this.stop("asked to stop", how),
        stopWhenIdle: (ended, began) => this.#stopWhenIdle(ended, began),
        drainTimeoutMs: config.daemon.drainTimeoutMs,
      },
    };
    const received = performance.now();
    const begun = (id: string | undefined, command: string) =>
      log.debug("request", { request: request.name, client: connection.caller.pid, id, command });
    await dispatch(
      frame,
      context,
      (answer) => {
        if (!request.answered(answer.error !== undefined)) return;
        const { command } = answer;
        const ms = Math.round(performance.now() - received);
        if (answer.error === undefined) log.debug("answered", { request: request.name, command, ms });
        else this.#logFailure(request.name, command, toPictlError(answer.error));
        connection.respond(answer);
      },
      begun,
    );
  }

  #logFailure(request: string, command: string, { code, message, cause }: PictlError): void {
    const stack = code === "INTERNAL" ? (cause as Error | undefined)?.stack : undefined;
    this.#options.log.warn("request failed", { request, command, code, error: message, stack });
  }

  #status(): DaemonStatus {
    const { paths, config, sessions } = this.#options;
    const [build, clients, figures, startedAt] = [this.#build, this.#clients, this.#figures, this.#startedAt];
    return daemonStatus({ build, paths, config, sessions, clients, figures, startedAt });
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
    if (inode !== this.#socketInode) void this.stop("the socket is gone");
    const { idleTimeoutMs } = config.daemon;
    this.#hadLeftovers = this.#hasLeftovers;
    if (idleTimeoutMs <= 0 || this.#clients.size > 0 || this.#busy || this.#options.history.isBusy) return;
    if (this.#hadLeftovers) return;
    if (Date.now() - this.#lastActivity >= idleTimeoutMs) void this.stop("idle");
  }

  async #stopWhenIdle(signal: AbortSignal, began: () => void): Promise<void> {
    await untilQuiet(() => (this.#busy || this.#hasLeftovers) && !this.isStopping, signal);
    began();
    void this.stop("asked to stop when idle");
  }

  async #stop(reason: string): Promise<void> {
    const { sessions, paths, log, activatedFd } = this.#options;
    log.info("stopping", { reason, busy: this.#busy });
    clearInterval(this.#watch);
    for (const { connection } of this.#clients) {
      connection.send({ type: "server_shutdown", data: { reason } });
    }
    // Whoever comes meanwhile can look and abort; new work is refused.
    await this.#letTurnsEnd();
    sessions.refuseAgents(shuttingDown());
    await Promise.all(sessions.all().map((session) => session.close({}, false)));
    await sessions.endAgents();
    // Only the holder of the lock may remove the socket, and only its own.
    const own = statSync(paths.socket, { throwIfNoEntry: false })?.ino === this.#socketInode;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (own && activatedFd === undefined) rmSync(paths.socket, { force: true });
    await this.#closeConnections(closed);
    await this.#options.endLeftovers();
    rmSync(paths.pid, { force: true });
    log.info("stopped", {
      uptimeMs: Date.now() - this.#startedAt,
      ...this.#figures,
      turns: sessions.turns,
      agents: sessions.starter.figures,
    });
    this.#options.onStopped();
  }

  async #letTurnsEnd(): Promise<void> {
    const limit = AbortSignal.timeout(this.#options.config.daemon.drainTimeoutMs);
    try {
      await untilQuiet(() => this.#busy, AbortSignal.any([this.#drain.signal, limit]));
    } catch {
      // Their time is over: what still runs is aborted.
      this.#options.log.info("aborting what runs", { waited: limit.aborted });
    }
  }

  async #closeConnections(closed: Promise<void>): Promise<void> {
    for (const { connection } of this.#clients) connection.end();
    const timer = setTimeout(() => {
      for (const { connection } of this.#clients) connection.destroy();
    }, CLOSE_TIMEOUT_MS);
    // The server has closed before its last connections say that they have.
    await Promise.all([closed, ...[...this.#clients].map((client) => client.closed)]);
    clearTimeout(timer);
  }
}
