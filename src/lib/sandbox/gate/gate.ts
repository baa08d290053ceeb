import { randomBytes, timingSafeEqual } from "node:crypto";
import { lookup as dnsLookup } from "node:dns/promises";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { cutText } from "../../core/cut-text.ts";
import type { NetworkPolicy } from "../policy/policy.ts";
import { type Access, accessTo, type ProviderHost } from "./access.ts";
import { dial, type Lookup } from "./dial.ts";
import { Doorman } from "./doorman.ts";
import {
  endToEnd,
  type HeaderPairs,
  pairsOf,
  secretsOf,
  valuesOf,
  withCredential,
  withoutKeys,
} from "./headers.ts";
import { DEFAULT_LIMITS, type GateLimits } from "./limits.ts";
import { boundedLookup } from "./lookups.ts";
import { destinationOf, type GateProvider, hostsOf } from "./mount.ts";
import { type GateRecord, openRecord } from "./record.ts";
import { endWith, messageOf, Refusal, refuse, toRefusal } from "./refusal.ts";
import { relay, secure } from "./relay.ts";
import { canonicalHost, parseAuthority, type Target } from "./target.ts";
import { join } from "./tunnel.ts";

export interface GateOptions {
  network: NetworkPolicy;
  /** Providers that are served with their credential. Their hosts may be reached by CONNECT too. */
  providers?: GateProvider[];
  /** More hosts of providers, that can't be served. */
  hosts?: ProviderHost[];
  /** For the records. */
  session?: string;
  onLog: (record: GateRecord) => void;
  limits?: Partial<GateLimits>;
  /** `dns.lookup` unless a test gives another. */
  lookup?: Lookup;
}

const NOTHING = { bytesIn: 0, bytesOut: 0 };

type Close = ReturnType<typeof openRecord>;

/**
 * The only way out of a sandbox: an HTTP proxy (CONNECT and absolute-form requests) to the hosts that the policy
 * allows, and the providers' APIs under `/<token>/<provider>/…` with the credential added outside. It runs
 * outside, on connections that come from inside.
 */
export class Gate {
  /** What a path must begin with for a request to get a credential. Unguessable, new for each gate. */
  readonly token = randomBytes(24).toString("base64url");
  readonly #options: GateOptions;
  readonly #limits: GateLimits;
  readonly #lookup: Lookup;
  readonly #hosts: ProviderHost[];
  readonly #http: Server;
  readonly #servers = new Set<NetServer>();
  readonly #doorman: Doorman;
  #closed = false;
  /** On the host's own loopback others could connect: there the proxy asks for the token too. */
  #needsProxyToken = false;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#lookup = boundedLookup(
      options.lookup ?? ((host) => dnsLookup(host, { all: true, verbatim: true })),
    );
    this.#hosts = [...(options.hosts ?? []), ...(options.providers ?? []).flatMap(hostsOf)];
    this.#doorman = new Doorman(this.#limits, (omitted) =>
      this.#open(
        "-",
        "-",
        0,
      )({
        verdict: "refused",
        reason: `more than ${this.#limits.maxConnections} connections`,
        ...NOTHING,
        ...(omitted === 0 ? {} : { omitted }),
      }),
    );
    this.#http = createHttpServer({ maxHeaderSize: this.#limits.maxHeaderBytes, insecureHTTPParser: false });
    this.#http.timeout = this.#limits.idleTimeout;
    this.#http.on("request", (request, response) => void this.#onRequest(request, response));
    this.#http.on("connect", (request, socket, head) => void this.#onConnect(request, socket, head));
    this.#http.on("upgrade", (request, socket) => this.#onUpgrade(request, socket));
    this.#http.on("clientError", (error, socket) => this.#onClientError(error, socket));
  }

  /** Takes the connections of a server that listens already (inside the sandbox), until `close`. */
  serve(server: NetServer): void {
    this.#servers.add(server);
    server.on("connection", (socket) => this.#onConnection(socket));
    server.on("error", () => {});
  }

  /** Listens on the host's loopback, for a sandbox that shares the host's network. Gives the port. */
  async listen(): Promise<number> {
    const server = createServer({ allowHalfOpen: true });
    this.#needsProxyToken = true;
    this.serve(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  /** Ends every connection and the servers. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    const servers = [...this.#servers];
    this.#servers.clear();
    const closed = servers.map(
      (server) =>
        new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
    );
    this.#doorman.clear();
    await Promise.all(closed);
  }

  #onConnection(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#closed) socket.destroy();
    else if (this.#doorman.admit(socket)) {
      // A client may end its side when it has sent its request.
      socket.allowHalfOpen = true;
      this.#http.emit("connection", socket);
    }
  }

  #open(method: string, host: string, port: number, provider?: string): Close {
    return openRecord(this.#options.onLog, this.#options.session, {
      method,
      host,
      port,
      ...(provider === undefined ? {} : { provider }),
    });
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    // Requests that don't wait for the answer of the one before (pipelining) would not be bounded by connections.
    if (!this.#doorman.ready(socket)) {
      socket.destroy();
      return;
    }
    response.once("close", () => {
      if (!socket.destroyed) this.#doorman.expect(socket);
    });
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    response.on("error", () => {});
    const signal = gone.signal;
    try {
      const url = request.url ?? "";
      const coding = request.headers["transfer-encoding"];
      if (coding !== undefined && coding.toLowerCase() !== "chunked") {
        throw logged(
          this.#open(request.method ?? "-", "gate", 0),
          new Refusal(501, "no transfer coding but chunked", "refused"),
        );
      }
      if (url.startsWith("/")) await this.#toProvider(request, response, url, signal);
      else await this.#toHost(request, response, url, signal);
    } catch (error) {
      const refusal = toRefusal(error);
      if (response.headersSent) response.destroy();
      else refuse(request, response, refusal);
    }
  }

  async #toProvider(
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
    signal: AbortSignal,
  ): Promise<void> {
    const own = this.#open(request.method ?? "-", "gate", 0);
    const [path = "", query = ""] = splitQuery(url);
    const [, token = ""] = path.split("/", 2);
    const found = sameText(token, this.token)
      ? destinationOf(path.slice(token.length + 1), this.#options.providers ?? [])
      : { reason: "not a path of the gate" };
    if ("reason" in found) {
      throw logged(own, new Refusal(404, found.reason, "refused"));
    }
    const { provider, target, tls } = found;
    const done = this.#open(request.method ?? "-", target.host, target.port, provider.id);
    await this.#send(done, signal, this.#access(target), target, tls, async (socket) => {
      const credential = await provider.credential(signal).catch((error: unknown) => {
        throw new Refusal(502, `no credential for ${provider.id}: ${messageOf(error)}`, "failed");
      });
      const headers = withCredential(pairsOf(request.rawHeaders), credential).filter(
        ([name]) => name.toLowerCase() !== "accept-encoding",
      );
      const status = await relay({
        request,
        response,
        socket,
        target,
        path: found.path + withoutKeys(query),
        headers: [...headers, ["Accept-Encoding", "identity"]],
        secrets: secretsOf(credential),
        defaultPort: tls ? 443 : 80,
        idleTimeout: this.#limits.idleTimeout,
      });
      if (status === 401) provider.invalidate?.();
      return status;
    });
  }

  async #toHost(
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
    signal: AbortSignal,
  ): Promise<void> {
    const match = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i.exec(url);
    const target =
      match === null ? { reason: "not a proxy request for http://" } : parseAuthority(match[1] ?? "", 80);
    const done = this.#open(
      request.method ?? "-",
      shownHost(target, match?.[1]),
      "port" in target ? target.port : 0,
    );
    if ("reason" in target) throw logged(done, new Refusal(400, target.reason, "refused"));
    const headers = pairsOf(request.rawHeaders);
    const problem = this.#proxyProblem(headers) ?? hostProblem(headers, target);
    if (problem !== undefined) throw logged(done, problem);
    const path = match?.[2] ?? "/";
    await this.#send(done, signal, this.#access(target), target, false, (socket) =>
      relay({
        request,
        response,
        socket,
        target,
        path: path.startsWith("?") ? `/${path}` : path,
        headers: endToEnd(headers),
        secrets: [],
        defaultPort: 80,
        idleTimeout: this.#limits.idleTimeout,
      }),
    );
  }

  /** Reaches the target, lets `use` work with the connection, and logs how it went. */
  async #send(
    done: Close,
    signal: AbortSignal,
    access: Access,
    target: Target,
    tls: boolean,
    use: (socket: Socket) => Promise<number>,
  ): Promise<void> {
    let socket: Socket | undefined;
    let address: string | undefined;
    const bytes = () => ({
      bytesIn: socket?.bytesRead ?? 0,
      bytesOut: socket?.bytesWritten ?? 0,
      ...(address === undefined ? {} : { address }),
    });
    try {
      socket = await this.#reach(target, access, signal);
      address = socket.remoteAddress;
      const timeout = AbortSignal.any([signal, AbortSignal.timeout(this.#limits.connectTimeout)]);
      if (tls) socket = await secure(socket, target, timeout);
      const status = await use(socket);
      done({ verdict: "allowed", status, ...bytes() });
    } catch (error) {
      socket?.destroy();
      const refusal = toRefusal(error);
      const { verdict, message: reason, status } = refusal;
      const at = refusal.address === undefined ? {} : { address: refusal.address };
      done({ verdict, reason, status, ...bytes(), ...at });
      throw refusal;
    }
  }

  #access(target: Target): Access {
    return accessTo(target, this.#options.network, this.#hosts);
  }

  async #reach(target: Target, access: Access, signal: AbortSignal): Promise<Socket> {
    if (!access.allowed) throw new Refusal(403, access.reason, "refused");
    return await dial(target, access.kinds, { lookup: this.#lookup, limits: this.#limits, signal });
  }

  async #onConnect(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on("error", () => {});
    if (!this.#doorman.ready(client)) {
      client.destroy();
      return;
    }
    const target = parseAuthority(request.url ?? "");
    const done = this.#open("CONNECT", shownHost(target, request.url), "port" in target ? target.port : 0);
    const gone = new AbortController();
    client.once("close", () => gone.abort());
    let upstream: Socket | undefined;
    try {
      if ("reason" in target) throw new Refusal(400, target.reason, "refused");
      const problem = this.#proxyProblem(pairsOf(request.rawHeaders));
      if (problem !== undefined) throw problem;
      upstream = await this.#reach(target, this.#access(target), gone.signal);
    } catch (error) {
      const { status, verdict, message: reason, address } = toRefusal(error);
      done({ verdict, reason, status, ...NOTHING, ...(address === undefined ? {} : { address }) });
      endWith(client, status, reason);
      return;
    }
    if (client.destroyed) {
      upstream.destroy();
      done({ verdict: "failed", reason: "the client left", ...NOTHING });
      return;
    }
    const address = upstream.remoteAddress;
    join(client as Socket, upstream, head, this.#limits.idleTimeout, (end) =>
      done({ verdict: "allowed", status: 200, ...(address === undefined ? {} : { address }), ...end }),
    );
  }

  /** A WebSocket would be a tunnel through a provider's route: it is refused. (CONNECT carries wss://.) */
  #onUpgrade(request: IncomingMessage, socket: Duplex): void {
    this.#doorman.ready(socket);
    socket.on("error", () => {});
    const reason = "no upgrade to another protocol";
    this.#open(request.method ?? "-", "gate", 0)({ verdict: "refused", reason, status: 501, ...NOTHING });
    endWith(socket, 501, reason);
  }

  #onClientError(error: Error, socket: Duplex): void {
    this.#doorman.ready(socket);
    if (socket.destroyed) return;
    const code = "code" in error && typeof error.code === "string" ? error.code : "not HTTP";
    if (code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    this.#open("-", "gate", 0)({ verdict: "refused", reason: code, status: 400, ...NOTHING });
    endWith(socket, 400, code);
  }

  #proxyProblem(headers: HeaderPairs): Refusal | undefined {
    if (!this.#needsProxyToken) return undefined;
    const expected = `Basic ${Buffer.from(`pictl:${this.token}`).toString("base64")}`;
    const [given = ""] = valuesOf(headers, "proxy-authorization");
    return sameText(given, expected)
      ? undefined
      : new Refusal(407, "the proxy's token is missing", "refused");
  }
}

function hostProblem(headers: HeaderPairs, target: Target): Refusal | undefined {
  const hosts = valuesOf(headers, "host");
  const named = parseAuthority(hosts[0] ?? "", 80);
  const same = "host" in named && named.host === target.host && named.port === target.port;
  return hosts.length === 1 && same
    ? undefined
    : new Refusal(400, "the Host header names another host than the request", "refused");
}

function logged(done: Close, refusal: Refusal): Refusal {
  const { verdict, message: reason, status } = refusal;
  done({ verdict, reason, status, ...NOTHING });
  return refusal;
}

/** What is shown of a target that can't be read must hold no password and not break a line or a terminal. */
function shownHost(target: Target | { reason: string }, given: string | undefined): string {
  if ("host" in target) return canonicalHost(target.host);
  const bare = cutText((given ?? "").replace(/^.*@/s, "…@"), 100);
  return JSON.stringify(bare).slice(1, -1);
}

function splitQuery(url: string): [string, string] {
  const at = url.indexOf("?");
  return at < 0 ? [url, ""] : [url.slice(0, at), url.slice(at)];
}

function sameText(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
