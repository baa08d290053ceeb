import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { PictlError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { packagePlace } from "../core/package-place.ts";
import type { OperationName, Operations } from "./service.ts";
import type { Scope } from "./types.ts";
import type { WorkerAnswer, WorkerPlaces, WorkerRequest } from "./worker.ts";

/** An idle thread holds some 30 MB; to start it again takes a tenth of a second. */
const IDLE_MS = 60_000;
/** What V8 may use for an index in the making; a session's longest lines take most of it. */
const MEMORY = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 1024 };

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The history as the daemon sees it: a thread that is there when it is needed. */
export class History {
  readonly #path: string;
  readonly #log: Logger;
  readonly #agentPlaces: string | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 1;
  #indexing = false;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param path of the index; nothing is opened yet
   * @param agentPlaces the file that names where sandboxed agents can write
   */
  constructor(path: string, log: Logger, agentPlaces?: string) {
    this.#agentPlaces = agentPlaces;
    this.#path = path;
    this.#log = log;
  }

  /** Whether something is being searched or indexed. */
  get isBusy(): boolean {
    return this.#waiting.size > 0 || this.#indexing;
  }

  /** @throws PictlError of the operation; INTERNAL when the thread died over it */
  async ask<N extends OperationName>(
    name: N,
    scope: Scope,
    params: Operations[N]["params"],
  ): Promise<Operations[N]["result"]> {
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const id = this.#next++;
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#worker.postMessage({ id, name, scope, params } satisfies WorkerRequest);
    return (await answered) as Operations[N]["result"];
  }

  /** Ends the thread. What it hasn't finished is done when the history is asked the next time. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const { root, fromSource } = packagePlace();
    const file = join(root, fromSource ? "src/lib/history/worker.ts" : "dist/lib/history/worker.js");
    const worker = new Worker(pathToFileURL(file), {
      name: "pictl history",
      workerData: { path: this.#path, agentPlaces: this.#agentPlaces } satisfies WorkerPlaces,
      resourceLimits: MEMORY,
    });
    worker.on("message", (answer: WorkerAnswer) => this.#take(answer));
    worker.on("error", (error) => this.#log.error("the history's thread failed", { error: String(error) }));
    worker.on("exit", () => this.#ended(worker));
    return worker;
  }

  #take(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    this.#indexing = answer.indexing;
    if ("error" in answer) waiting?.reject(PictlError.fromBody(answer.error));
    else waiting?.resolve(answer.result);
    if (this.#waiting.size > 0) return;
    this.#idle = setTimeout(() => void this.#rest(), IDLE_MS);
    this.#idle.unref();
  }

  /** An index that was in the making when it answered last may be done, which nobody would be told. */
  async #rest(): Promise<void> {
    if (this.#indexing) await this.ask("status", { roots: [], exclude: [] }, {}).catch(() => undefined);
    else await this.close();
  }

  #ended(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
    this.#indexing = false;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) {
      reject(
        new PictlError("INTERNAL", "The history's thread ended before it answered.", { retryable: true }),
      );
    }
  }
}
