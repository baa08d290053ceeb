import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { cutText } from "../../core/cut-text.ts";
import { DialError } from "./dial.ts";

/** A refusal that the client inside is told, and the log. */
export class Refusal extends Error {
  readonly status: number;
  readonly verdict: "refused" | "failed";
  readonly address: string | undefined;

  constructor(status: number, message: string, verdict: "refused" | "failed", address?: string) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.verdict = verdict;
    this.address = address;
  }
}

/** Anything thrown on the way to a host as what the client is told. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof DialError) {
    return new Refusal(
      error.refused ? 403 : 502,
      error.message,
      error.refused ? "refused" : "failed",
      error.address,
    );
  }
  return new Refusal(502, messageOf(error), "failed");
}

/** A system error's code, or a message; never more than a line, since it goes to the log and inside. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "failed";
  if ("code" in error && error.code === "ERR_INVALID_CHAR")
    return "a header has characters that may not stand there";
  return cutText(error.message.split("\n", 1)[0] ?? "failed", 300);
}

/** JSON in the shape in which the clients of model APIs look for a message. */
function explain(refusal: { status: number; message: string }): string {
  return JSON.stringify({
    error: { type: "pictl_sandbox", message: `pictl's sandbox: ${refusal.message}`, code: refusal.status },
  });
}

/** Answers a request with a refusal and closes its connection. */
export function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.status, {
    "content-type": "application/json",
    ...(refusal.status === 407 ? { "proxy-authenticate": 'Basic realm="pictl"' } : {}),
    connection: "close",
  });
  response.end(explain(refusal));
  request.resume();
}

const REASONS: Record<number, string> = {
  400: "Bad Request",
  403: "Forbidden",
  407: "Proxy Authentication Required",
  501: "Not Implemented",
  502: "Bad Gateway",
};

/** The same where there is no response object: CONNECT, upgrades, what is no HTTP. */
export function endWith(socket: Duplex, status: number, message: string): void {
  const body = explain({ status, message });
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}\r\n${status === 407 ? 'Proxy-Authenticate: Basic realm="pictl"\r\n' : ""}Content-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
