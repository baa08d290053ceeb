import { statSync } from "node:fs";
import { readFileOfAnyKind } from "../../../src/lib/cli/prompt/read-file.ts";
import { PictlError, systemErrorCode } from "../../../src/lib/core/errors.ts";
import { agentPlaces } from "../../../src/lib/core/outside/agent-places.ts";
import { promptText } from "../../../src/lib/core/prompt-text.ts";
import { listSessionFiles, type SessionFile } from "../../../src/lib/core/session-files/locate.ts";
import { takeSnapshot } from "../../../src/lib/sandbox/runs-later/snapshot.ts";
import { readEntries } from "../../../src/lib/session/files/entries.ts";
import { summarize } from "../../../src/lib/session/files/summary.ts";
import { pathOf } from "./actions.ts";
import type { Place } from "./place.ts";

/** A search for what runs later takes some milliseconds here. */
const SEARCH_MS = 60_000;
const MAX_BYTES = 10 * 1024 * 1024;

/**
 * What pictl reads of the agent's on behalf of commands that would start a pi, by the functions that read it there. Each
 * gives what it has read.
 */
const READINGS = {
  "system prompt": (place: Place) =>
    promptText("prompts/system.md", place.workspace, "--system-prompt", agentPlaces(place.paths.agentPlaces)),
  "attached file": async (place: Place) => {
    const path = pathOf("report.md", place);
    // It is waited for, as the user is told.
    if (statSync(path).isFIFO()) return "";
    const limit = { bytes: MAX_BYTES, exceeded: () => new PictlError("LIMIT_EXCEEDED", "It is too large.") };
    const bytes = await readFileOfAnyKind(path, "report.md", limit);
    return bytes.toString("latin1");
  },
  "what runs later": async (place: Place) =>
    JSON.stringify(await takeSnapshot({ roots: [place.workspace], limitMs: SEARCH_MS })),
  /** The daemon looks at a directory first, and then reads: meanwhile an agent has done what it does. */
  "listed before": (_: Place, listed: readonly SessionFile[]) =>
    JSON.stringify(
      listed.map((file) => [attempt(() => summarize(file)), attempt(() => readEntries(file.path))]),
    ),
} satisfies Record<string, (place: Place, listed: readonly SessionFile[]) => string | Promise<string>>;

export type Reading = keyof typeof READINGS;

/** The session's files, as they are found at this moment. */
export function listOwn({ agentDir, sessionDir }: Place): SessionFile[] {
  return listSessionFiles({ agentDir }).files.filter(({ path }) => path.startsWith(`${sessionDir}/`));
}

/** @returns what was read, or why nothing was. @throws what a user never sees */
export async function read(what: Reading, place: Place, listed: readonly SessionFile[]): Promise<string> {
  try {
    return await READINGS[what](place, listed);
  } catch (error) {
    return refusal(error);
  }
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): string {
  if (error instanceof PictlError ? error.code !== "INTERNAL" : systemErrorCode(error) !== undefined)
    return String(error);
  throw error;
}
