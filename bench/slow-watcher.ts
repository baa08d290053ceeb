import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeFrame } from "../src/lib/protocol/framing.ts";
import { PROTOCOL_VERSION } from "../src/lib/protocol/version.ts";
import type { Place } from "./place.ts";

/** A connection that asks for all records of all sessions and takes a byte a second of them. */
export class SlowWatcher {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#timer = setInterval(() => socket.read(1), 1_000);
  }

  static async open(place: Place, sessions: readonly string[]): Promise<SlowWatcher> {
    const socket = connect(place.socket);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    const data = { version: "soak", protocolVersion: PROTOCOL_VERSION, environment: place.env };
    socket.write(encodeFrame({ type: "client_ready", data }));
    for (const sessionId of sessions)
      socket.write(encodeFrame({ id: sessionId, type: "subscribe", sessionId, since: 0 }));
    return new SlowWatcher(socket);
  }

  leave(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}
