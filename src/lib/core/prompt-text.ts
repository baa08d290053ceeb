import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { PictlError, systemErrorCode } from "./errors.ts";

/** A system prompt fills a part of the model's context; this is more than the largest of them holds. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The text of a system prompt that was given as itself or as a file. The file is read once: a pipe of the shell and a
 * temporary file don't outlive the command, and the session keeps its prompt.
 *
 * @param value text, or the path of a file
 * @param cwd directory that a relative path starts from
 * @param flag names the option in errors
 * @throws PictlError FILE_NOT_FOUND for a path without a file, INVALID_INPUT for what can't be read as text
 */
export function promptText(value: string, cwd: string, flag: string): string {
  const path = resolve(cwd, value);
  if (!isThere(path)) {
    if (!looksLikePath(value)) return value;
    throw new PictlError("FILE_NOT_FOUND", `${flag}: there is no file ${value}.`, {
      hint: "Check the path. For a prompt that only looks like one, add a space at its end.",
      details: { path },
    });
  }
  const text = readText(path, flag);
  // A single word would be taken for a path by the next reader.
  return looksLikePath(text) ? `${text}\n` : text;
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

function readText(path: string, flag: string): string {
  const refuse = (problem: string, cause?: unknown) =>
    new PictlError("INVALID_INPUT", `${flag}: ${path} ${problem}.`, { details: { path }, cause });
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = systemErrorCode(error);
    throw refuse(code === "EISDIR" ? "is a directory" : `can't be read (${code ?? String(error)})`, error);
  }
  if (bytes.length > MAX_BYTES)
    throw refuse(`has ${bytes.length} bytes; a system prompt may have ${MAX_BYTES}`);
  if (bytes.includes(0)) throw refuse("is not a text");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw refuse("is not valid UTF-8", error);
  }
  if (text.trim() === "") throw refuse("is empty");
  return text;
}
