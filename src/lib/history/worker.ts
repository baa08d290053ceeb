import { parentPort, workerData } from "node:worker_threads";
import { toPictlError } from "../core/errors.ts";
import { HistoryService, type OperationName, type Operations } from "./service.ts";
import type { Scope } from "./types.ts";

/** Files of the thread: the index, and what names where sandboxed agents can write. */
export interface WorkerPlaces {
  path: string;
  agentPlaces: string | undefined;
}

/** What the daemon's thread asks, and what it is told. */
export interface WorkerRequest {
  id: number;
  name: OperationName;
  scope: Scope;
  params: Operations[OperationName]["params"];
}

export type WorkerAnswer =
  | { id: number; result: Operations[OperationName]["result"]; indexing: boolean }
  | { id: number; error: ReturnType<ReturnType<typeof toPictlError>["toBody"]>; indexing: boolean };

serve();

/** The thread of the history: the daemon loads this file by its path. */
function serve(): void {
  const port = parentPort;
  if (port === null) throw new Error("not a worker");
  let service: HistoryService | undefined;
  port.on("message", async ({ id, name, scope, params }: WorkerRequest) => {
    const answer = (rest: Omit<WorkerAnswer, "id" | "indexing">) =>
      port.postMessage({ id, ...rest, indexing: service?.isIndexing ?? false });
    try {
      const { path, agentPlaces } = workerData as WorkerPlaces;
      service ??= new HistoryService(path, { agentPlaces });
      answer({ result: await service.run(name, scope, params) });
    } catch (error) {
      const failure = toPictlError(error);
      answer({ error: failure.toBody() });
    }
  });
}
