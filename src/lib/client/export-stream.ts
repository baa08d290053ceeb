import { createReadStream, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { toStorageError } from "../core/errors.ts";
import { type Environment, resolvePaths } from "../core/paths.ts";
import type { RequestParams } from "../protocol/requests.ts";
import type { Client } from "./client.ts";

/** Signals that end a command before it can tidy up by itself. */
const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Exports a session as a stream, of any size. The daemon writes a file in its private directory, which has no
 * name any more by the time that it is read: nothing is left of it, however this process ends.
 *
 * @returns with the file mode that a copy is to have
 * @throws PictlError what the export throws, STORAGE_UNAVAILABLE
 */
export async function exportAsStream(
  client: Client,
  params: Omit<RequestParams<"export_session">, "outputPath">,
  env: Environment = process.env,
): Promise<{ sessionId: string; content: Readable; mode: number }> {
  const directory = makeDirectory(resolvePaths(env).runtimeDir);
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const onSignal = (signal: NodeJS.Signals) => {
    remove();
    for (const name of ENDING) process.off(name, onSignal);
    process.kill(process.pid, signal);
  };
  for (const name of ENDING) process.on(name, onSignal);
  try {
    const outputPath = join(directory, `session.${params.format}`);
    const { sessionId } = await client.request("export_session", { ...params, outputPath });
    const fd = openSync(outputPath, "r");
    return { sessionId, content: createReadStream("", { fd }), mode: fstatSync(fd).mode & 0o777 };
  } finally {
    for (const name of ENDING) process.off(name, onSignal);
    remove();
  }
}

function makeDirectory(parent: string): string {
  try {
    return mkdtempSync(join(parent, "export-"));
  } catch (error) {
    throw toStorageError(error, parent);
  }
}
