import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sessionDirFor } from "../src/lib/core/session-files/locate.ts";
import type { Place } from "./place.ts";

/** What the first message of each session is, which the scripted model repeats in its answers. */
export const FIRST_MESSAGE = "the first message";

/**
 * Makes sessions without a pi run for each: one is written by the real pi, and its file is copied under other
 * ids and directories, in pi's own layout.
 *
 * @returns their ids
 */
export async function cloneSessions(place: Place, count: number, directories: number): Promise<string[]> {
  const document = await place.pictl("prompt", "--model", "scripted/echo", "--json", FIRST_MESSAGE);
  const { sessionId } = JSON.parse(document) as { sessionId: string };
  const shown = JSON.parse(await place.pictl("session", "show", "-s", sessionId, "--json")) as {
    session: { file: string };
  };
  const [header = "", ...entries] = readFileSync(shown.session.file, "utf8").split("\n");
  await place.pictl("session", "delete", "--yes", "-s", sessionId);
  return Array.from({ length: count }, (_, i) => {
    const cwd = join(place.root, "projects", String(i % directories));
    const directory = sessionDirFor(cwd, join(place.root, "pi"));
    mkdirSync(cwd, { recursive: true });
    mkdirSync(directory, { recursive: true });
    const id = randomUUID();
    const timestamp = new Date(Date.now() - i * 1000).toISOString();
    const own = JSON.stringify({ ...JSON.parse(header), id, cwd, timestamp });
    const name = `${timestamp.replace(/[:.]/g, "-")}_${id}.jsonl`;
    writeFileSync(join(directory, name), [own, ...entries].join("\n"));
    return id;
  });
}
