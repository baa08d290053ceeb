import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP, type Socket } from "node:net";
import type { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { cleanResponse, type HeaderPairs, pairsOf, valuesOf } from "./headers.ts";
import { SecretFinder, scrub } from "./scrub.ts";
import { formatAuthority, type Target } from "./target.ts";

/** A request that goes on over a socket that is connected already. */
export interface Relay {
  request: IncomingMessage;
  response: ServerResponse;
  socket: Socket;
  target: Target;
  /** Path and query. */
  path: string;
  /** Without Host, which follows from the target. */
  headers: HeaderPairs;
  /** What is covered in the response: its reason, its headers and its body. Empty: the body passes as it is. */
  secrets: readonly string[];
  /** Of the scheme: when it is the target's, the Host header leaves the port out. */
  defaultPort: number;
  idleTimeout: number;
}

/**
 * Sends a request on and its response back, both as they come. Ends with the status when the response is
 * complete, and rejects when either side fails or leaves; both are closed then.
 */
export async function relay(options: Relay): Promise<number> {
  const { request, response, socket, target } = options;
  const outgoing = httpRequest({
    createConnection: () => socket,
    method: request.method ?? "GET",
    path: options.path,
    headers: [
      ["Host", formatAuthority(target.host, target.port, options.defaultPort)],
      ...options.headers,
      ...framing(request),
      ["Connection", "close"],
    ].flat(),
  });
  const leave = () => {
    if (!response.writableFinished) outgoing.destroy(new Error("the client left"));
  };
  response.once("close", leave);
  socket.setTimeout(options.idleTimeout, () => outgoing.destroy(new Error("nothing came for too long")));
  try {
    const answer = await exchange(outgoing, request);
    const status = answer.statusCode ?? 502;
    await answerWith(response, answer, status, options.secrets);
    return status;
  } finally {
    response.off("close", leave);
    outgoing.destroy();
    socket.destroy();
  }
}

/** TLS over a connected socket, with the certificate checked for the target's name. */
export function secure(socket: Socket, target: Target, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const named = isIP(target.host) === 0 ? { servername: target.host } : { host: target.host };
    const secured = tlsConnect({ socket, ALPNProtocols: ["http/1.1"], ...named });
    const abort = () => secured.destroy(new Error("no TLS connection in time"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    secured.once("error", (error) => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      reject(error);
    });
    secured.once("secureConnect", () => {
      signal.removeEventListener("abort", abort);
      // Later errors reach whoever sends over it as well.
      secured.on("error", () => {});
      resolve(secured);
    });
  });
}

/** How the body's end is told; the parser has made sure that it is told in one way only. */
function framing(request: IncomingMessage): HeaderPairs {
  return request.headers["transfer-encoding"] === undefined ? [] : [["Transfer-Encoding", "chunked"]];
}

function exchange(
  outgoing: ReturnType<typeof httpRequest>,
  request: IncomingMessage,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("upgrade", (_answer, socket) => {
      socket.destroy();
      reject(new Error("the host changed the protocol"));
    });
    // Stays for what comes after the response: whoever reads that hears it there.
    outgoing.on("error", reject);
    outgoing.once("close", () => reject(new Error("the host closed the connection")));
    request.on("error", () => outgoing.destroy());
    request.pipe(outgoing);
  });
}

async function answerWith(
  response: ServerResponse,
  answer: IncomingMessage,
  status: number,
  secrets: readonly string[],
): Promise<void> {
  const finder = new SecretFinder(secrets);
  const cover = (text: string) => (secrets.length === 0 ? text : finder.cover(text));
  let headers = cleanResponse(pairsOf(answer.rawHeaders), cover);
  const through: Transform[] = [];
  if (secrets.length > 0) {
    const encoding = valuesOf(headers, "content-encoding").join(",").trim().toLowerCase();
    const decoder = hasBody(answer, status) ? decoderOf(encoding) : undefined;
    if (decoder !== undefined) {
      through.push(decoder);
      headers = headers.filter(([name]) => !/^content-(?:encoding|length)$/i.test(name));
    }
    through.push(scrub(secrets));
  }
  response.writeHead(status, cover(answer.statusMessage ?? ""), headers.flat());
  response.flushHeaders();
  await pipeline([answer as Readable, ...through, response]);
}

function hasBody(answer: IncomingMessage, status: number): boolean {
  const { method } = (answer as IncomingMessage & { req?: { method?: string } }).req ?? {};
  return method !== "HEAD" && status !== 204 && status !== 304;
}

/** In a compressed body no secret could be seen; it wasn't asked for, so that this is the exception. */
function decoderOf(encoding: string): Transform | undefined {
  if (encoding === "" || encoding === "identity") return undefined;
  if (encoding === "gzip" || encoding === "x-gzip") return createGunzip();
  if (encoding === "br") return createBrotliDecompress();
  if (encoding === "deflate") return createInflate();
  throw new Error(`the host answers in an encoding that wasn't asked for (${encoding.slice(0, 40)})`);
}
