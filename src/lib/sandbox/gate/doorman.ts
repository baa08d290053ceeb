import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { GateLimits } from "./limits.ts";

/** How often a crowd at the door is told, in milliseconds: a record for each would be what the crowd wants. */
const CROWD_INTERVAL = 1000;

/** Bounds how many connections there are, and how long each may take until it has said what it wants. */
export class Doorman {
  readonly #limits: GateLimits;
  readonly #onCrowd: (omitted: number) => void;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Map<Duplex, NodeJS.Timeout>();
  #omitted = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param onCrowd a connection was turned away, and how many before it that were not told */
  constructor(limits: GateLimits, onCrowd: (omitted: number) => void) {
    this.#limits = limits;
    this.#onCrowd = onCrowd;
  }

  /** Whether a new connection may stay. One that may not is closed. */
  admit(socket: Socket): boolean {
    if (this.#sockets.size >= this.#limits.maxConnections) {
      socket.destroy();
      this.#tell();
      return false;
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#disarm(socket);
    });
    this.expect(socket);
    return true;
  }

  /** A request must be complete up to its headers within the time limit from now on. */
  expect(socket: Duplex): void {
    this.#disarm(socket);
    const timer = setTimeout(() => socket.destroy(), this.#limits.headerTimeout);
    this.#timers.set(socket, timer);
  }

  /** The headers are there. Gives whether they were expected: they aren't while a request is being answered. */
  ready(socket: Duplex): boolean {
    return this.#disarm(socket);
  }

  /** Closes every connection. */
  clear(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #disarm(socket: Duplex): boolean {
    clearTimeout(this.#timers.get(socket));
    return this.#timers.delete(socket);
  }

  #tell(): void {
    const now = performance.now();
    if (now - this.#toldAt < CROWD_INTERVAL) {
      this.#omitted += 1;
      return;
    }
    const omitted = this.#omitted;
    this.#omitted = 0;
    this.#toldAt = now;
    this.#onCrowd(omitted);
  }
}
