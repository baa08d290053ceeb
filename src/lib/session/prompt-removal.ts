import { readdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { promptsOf, removePromptFiles } from "../agent/prompt-files.ts";
import { systemErrorCode } from "../core/errors.ts";
import type { SessionOptions } from "../protocol/session.ts";
import { noteDirectory, readNote } from "./options-note.ts";
import type { SessionRecord } from "./registry.ts";

/** Notes that are read at a time: the daemon serves others in between. */
const NOTES_AT_ONCE = 50;

/**
 * Removes the files of the prompts of a session that is gone, save those that other sessions have too: equal prompts
 * share a file, also with sessions of another `PICTL_HOME`, which only their notes tell.
 *
 * @param others options of the sessions that this daemon knows, with the same directory of pi
 * @throws PictlError STORAGE_UNAVAILABLE; what the file system says of notes, or that one makes no sense. Then all stay.
 */
export async function removePrompts(
  { options, agentDir }: SessionRecord,
  others: () => Iterable<SessionOptions>,
): Promise<void> {
  const texts = new Set(promptsOf(options));
  if (texts.size === 0) return;
  const keep = (other: SessionOptions) => {
    for (const text of promptsOf(other)) texts.delete(text);
  };
  for (const [index, name] of namesIn(noteDirectory(agentDir)).entries()) {
    if (index % NOTES_AT_ONCE === 0) await setImmediate();
    const noted = readNote(agentDir, name);
    if (noted !== undefined) keep(noted);
  }
  // Nothing is awaited from here on: a session that begins has been seen, or writes the file again.
  for (const other of others()) keep(other);
  removePromptFiles(texts, agentDir);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
