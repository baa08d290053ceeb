import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { closeSync, openSync } from "node:fs";
import { createServer, type ListenOptions, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { basename, dirname } from "node:path";
import { listenForDatagram } from "./datagram-listener.ts";
import type { Inside } from "./row.ts";

/** A row's name is all that a stand-in is ever told; more is not kept. */
const MAX_MESSAGE_BYTES = 512;

/** Servers on the host that remember which rows got to them. */
export class StandInServers {
  readonly received = new Set<string>();
  readonly #servers: Server[] = [];
  #datagrams: DatagramSocket | undefined;
  #endListener: (() => Promise<void>) | undefined;

  async listen(sockets: Inside["sockets"]): Promise<Inside["ports"]> {
    for (const path of Object.values(sockets)) await this.#listenOn(path);
    const tcpAddress = ownAddress();
    const tcp = await this.#serve({ host: tcpAddress === undefined ? "127.0.0.1" : "0.0.0.0", port: 0 });
    const tcp6 = await this.#serve({ host: "::1", port: 0 }).catch(() => undefined);
    return { tcp: tcp ?? 0, tcp6, tcpAddress, udp: await this.#listenUdp() };
  }

  /** Takes one message on a Unix socket for datagrams. */
  async listenForDatagrams(path: string): Promise<void> {
    this.#endListener = await listenForDatagram(path, (message) => this.received.add(message));
  }

  async close(): Promise<void> {
    await this.#endListener?.();
    await new Promise<void>((resolve) =>
      this.#datagrams === undefined ? resolve() : this.#datagrams.close(resolve),
    );
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  async #listenOn(path: string): Promise<void> {
    if (path.startsWith("\0")) {
      await this.#serve({ path });
      return;
    }
    // The name of a socket may have some hundred bytes, a path more.
    const directory = openSync(dirname(path), "r");
    try {
      await this.#serve({ path: `/proc/self/fd/${directory}/${basename(path)}` });
    } finally {
      closeSync(directory);
    }
  }

  async #serve(options: ListenOptions): Promise<number | undefined> {
    const server = createServer((socket) => {
      let heard = "";
      socket.on("error", () => {});
      socket.on("data", (data) => {
        heard = (heard + data.toString("latin1")).slice(0, MAX_MESSAGE_BYTES);
        const id = /^([a-z0-9-]+)\n/.exec(heard)?.[1];
        if (id === undefined) return;
        this.received.add(id);
        socket.end("welcome\n");
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options, resolve);
    });
    this.#servers.push(server);
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : undefined;
  }

  /** Takes lines, and DNS queries for `<row>.pictl.test`, which it answers with 192.0.2.1. */
  #listenUdp(): Promise<number> {
    const socket = createSocket("udp4");
    this.#datagrams = socket;
    socket.on("message", (message, from) => {
      const line = /^([a-z0-9-]+)\n/.exec(message.toString("latin1"))?.[1];
      this.received.add(line ?? nameAsked(message) ?? "");
      socket.send(line === undefined ? answerTo(message) : "welcome\n", from.port, from.address);
    });
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(0, "127.0.0.1", () => resolve(socket.address().port));
    });
  }
}

/** The first label of a query's name (RFC 1035, 4.1.2). */
function nameAsked(query: Buffer): string | undefined {
  const length = query[12];
  return length === undefined ? undefined : query.subarray(13, 13 + length).toString("latin1");
}

/** One address for whatever was asked: the header, the question as it came, a pointer to its name. */
function answerTo(query: Buffer): Buffer {
  const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const nameEnd = query.indexOf(0, 12);
  const question = query.subarray(12, nameEnd + 5);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 1]);
  return Buffer.concat([header, question, answer]);
}

/** An IPv4 address of this machine that isn't loopback. */
function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
