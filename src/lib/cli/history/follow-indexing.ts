import type { Client } from "../../client/client.ts";
import type { HistoryStatusResult } from "../../protocol/history.ts";
import { replaceStderrLine } from "../output.ts";
import { progressText } from "./notice.ts";

/** Between two looks at the progress. */
const LOOK_MS = 200;

/** Waits until the index is complete, and shows on a terminal how far it is. */
export async function followIndexing(client: Client, cwd: string): Promise<HistoryStatusResult> {
  const isTerminal = process.stderr.isTTY === true;
  for (;;) {
    const status = await client.request("get_history_status", { cwd });
    if (isTerminal) replaceStderrLine("");
    if (status.index.complete) return status;
    if (isTerminal) replaceStderrLine(`Indexing: ${progressText(status.index.progress)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
