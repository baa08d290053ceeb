import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toStorageError } from "../core/errors.ts";
import { readPiFile } from "../core/pi-files.ts";
import { promptText } from "../core/prompt-text.ts";
import { sha256 } from "../core/sha256.ts";
import type { SessionOptions } from "../protocol/session.ts";

/**
 * Gives pi a session's prompts as files. pi takes a text for a path whenever such a file exists, and Linux allows 128 KiB
 * for an argument. The files lie in pi's own directory, where an agent in a sandbox reads and can't write, and are named
 * for their content, so that sessions with equal prompts share agents.
 *
 * @param places in which sandboxed agents can write
 * @returns the options with absolute paths in place of the texts
 * @throws PictlError STORAGE_UNAVAILABLE; FILE_NOT_FOUND for a path that an earlier build stored, and that is gone, SANDBOX_CHANGED for one
 *   that a link leads to which an agent could have made
 */
export function withPromptFiles(
  options: SessionOptions,
  agentDir: string,
  places: readonly string[],
): SessionOptions {
  const { systemPrompt, appendSystemPrompt } = options;
  const toFile = (text: string, flag: string) =>
    promptFile(text.startsWith("/") ? promptText(text, "/", flag, places) : text, agentDir);
  return {
    ...options,
    ...(systemPrompt === undefined ? {} : { systemPrompt: toFile(systemPrompt, "--system-prompt") }),
    ...(appendSystemPrompt === undefined
      ? {}
      : { appendSystemPrompt: appendSystemPrompt.map((text) => toFile(text, "--append-system-prompt")) }),
  };
}

/**
 * Removes the files of prompts. An agent that is told of such a file and doesn't find it takes the path for the prompt.
 *
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function removePromptFiles(texts: Iterable<string>, agentDir: string): void {
  for (const text of texts) {
    const path = pathOf(text, agentDir);
    try {
      rmSync(path, { force: true });
    } catch (error) {
      throw toStorageError(error, path);
    }
  }
}

/** The prompts of a session by value; of an earlier build's path only the file says it. */
export function promptsOf({ systemPrompt, appendSystemPrompt = [] }: SessionOptions): string[] {
  return systemPrompt === undefined ? appendSystemPrompt : [systemPrompt, ...appendSystemPrompt];
}

function pathOf(text: string, agentDir: string): string {
  return join(agentDir, "pictl", "prompts", `${sha256(text)}.md`);
}

function promptFile(text: string, agentDir: string): string {
  const path = pathOf(text, agentDir);
  if (readIfThere(path) === text) return path;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // An agent may be reading it.
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
    return path;
  } catch (error) {
    throw toStorageError(error, path);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readPiFile(path);
  } catch {
    // Not there yet, or not readable: then writing it says why.
    return undefined;
  }
}
