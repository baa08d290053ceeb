import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { Gate, type GateOptions } from "../../src/lib/sandbox/gate/gate.ts";
import type { GateProvider } from "../../src/lib/sandbox/gate/mount.ts";
import type { GateRecord } from "../../src/lib/sandbox/gate/record.ts";

export const PLACEHOLDER = "placeholder-for-a-test";
export const KEY = "sk-real-key-0123456789";

/** A gate on a listening server, as the one from inside a sandbox would be, with what it logged. */
export async function startGate(
  t: TestContext,
  options: Partial<GateOptions>,
): Promise<{
  gate: Gate;
  port: number;
  records: GateRecord[];
  recorded: (count: number) => Promise<GateRecord[]>;
}> {
  const records: GateRecord[] = [];
  const waiting: (() => void)[] = [];
  const gate = new Gate({
    network: { kind: "model" },
    onLog: (record) => {
      records.push(record);
      for (const wake of waiting.splice(0)) wake();
    },
    ...options,
  });
  const server = createServer();
  const port = await listen(t, server);
  gate.serve(server);
  t.after(() => gate.close());
  const recorded = async (count: number) => {
    while (records.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return records;
  };
  return { gate, port, records, recorded };
}

/** An HTTP server on loopback that keeps what was asked; its requests have their body read already. */
export async function startUpstream(
  t: TestContext,
  answer: RequestListener = (_request, response) => response.end("hello"),
): Promise<{
  port: number;
  requests: (Pick<IncomingMessage, "method" | "url" | "headers" | "rawHeaders"> & { body: string })[];
}> {
  const requests: Awaited<ReturnType<typeof startUpstream>>["requests"] = [];
  const server = createHttpServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { method, url, headers, rawHeaders } = request;
    requests.push({ method, url, headers, rawHeaders, body });
    answer(request, response);
  });
  const port = await listen(t, server);
  return { port, requests };
}

/** A provider on loopback whose key the gate adds. */
export function providerAt(
  port: number,
  options: Partial<GateProvider> & { path?: string } = {},
): GateProvider {
  const { path = "/v1", ...rest } = options;
  return {
    id: "test",
    mounts: [{ url: `http://127.0.0.1:${port}${path}`, named: true }],
    credential: async () => ({ values: { [PLACEHOLDER]: KEY } }),
    ...rest,
  };
}

/** Listens on a free port of loopback until the test is over, when the server's connections end too. */
export async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A connection to a port of loopback that ends with the test. An error shows as its end alone: see `ended`. */
export function connectTo(t: TestContext, port: number): Socket {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  return socket;
}

/** Resolves when the connection has closed, also when it was reset: `once` would reject then. */
export function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Sends bytes as they are and gives everything that comes back until the other side closes. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let answer = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      answer += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
    socket.write(text, "latin1");
  });
}
