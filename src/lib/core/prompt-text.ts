import { statSync } from "node:fs";
import { resolve } from "node:path";
import { agentFileProblem, readAgentFile } from "./agent-file.ts";
import { PictlError, systemErrorCode } from "./errors.ts";

/** A system prompt fills a part of the model's context; this is more than the largest of them holds. */
export const MAX_PROMPT_BYTES = 4 * 1024 * 1024;

/**
 * The text of a system prompt that was given as itself or as a file. The file is read once: a pipe of the shell and a
 * temporary file don't outlive the command, and the session keeps its prompt.
 *
 * @param value text, or the path of a file
 * @param cwd directory that a relative path starts from
 * @param flag names the option in errors
 * @param places in which sandboxed agents can write
 * @throws PictlError FILE_NOT_FOUND for a path without a file, INVALID_INPUT for what can't be read as text,
 *   SANDBOX_CHANGED for a link that an agent could have made
 */
export function promptText(value: string, cwd: string, flag: string, places: readonly string[]): string {
  const path = promptPath(value, cwd, flag);
  return path === undefined ? value : asPromptText(readBytes(path, flag, places), path, flag);
}

/**
 * The file that is meant by what was given for a system prompt; undefined for a text.
 *
 * @throws PictlError FILE_NOT_FOUND for a path without a file
 */
export function promptPath(value: string, cwd: string, flag: string): string | undefined {
  const path = resolve(cwd, value);
  if (isThere(path)) return path;
  if (!looksLikePath(value)) return undefined;
  throw new PictlError("FILE_NOT_FOUND", `${flag}: there is no file ${value}.`, {
    hint: "Check the path. For a prompt that only looks like one, add a space at its end.",
    details: { path },
  });
}

/** One word that begins as a path does, has a slash, or ends as a text file's name does. */
export function looksLikePath(value: string): boolean {
  return (
    /^\S+$/.test(value) && (value.includes("/") || /\.(md|markdown|txt|text|prompt|json|ya?ml)$/i.test(value))
  );
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A text that is too long for a path, or leads through a file.
    return false;
  }
}

function readBytes(path: string, flag: string, places: readonly string[]): Buffer {
  try {
    return readAgentFile(path, { maxBytes: MAX_PROMPT_BYTES, links: { places } });
  } catch (error) {
    if (error instanceof PictlError) throw error;
    if (systemErrorCode(error) === "EFBIG") throw tooLarge(path, flag, statSync(path).size);
    throw unreadable(path, flag, error);
  }
}

/** What reading the file of a system prompt fails with. */
export function unreadable(path: string, flag: string, error: unknown): PictlError {
  return refused(path, flag, agentFileProblem(error), error);
}

/** What a file of more than {@link MAX_PROMPT_BYTES} is refused with. */
export function tooLarge(path: string, flag: string, bytes: number): PictlError {
  return refused(path, flag, `has ${bytes} bytes; a system prompt may have ${MAX_PROMPT_BYTES}`);
}

/** The text in the bytes of a file. Throws INVALID_INPUT for what is none. */
export function asPromptText(bytes: Buffer, path: string, flag: string): string {
  if (bytes.length > MAX_PROMPT_BYTES) throw tooLarge(path, flag, bytes.length);
  if (bytes.includes(0)) throw refused(path, flag, "is not a text");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw refused(path, flag, "is not valid UTF-8", error);
  }
  if (text.trim() === "") throw refused(path, flag, "is empty");
  // A single word would be taken for a path by the next reader.
  return looksLikePath(text) ? `${text}\n` : text;
}

function refused(path: string, flag: string, problem: string, cause?: unknown): PictlError {
  return new PictlError("INVALID_INPUT", `${flag}: ${path} ${problem}.`, { details: { path }, cause });
}
