import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sandboxProfiles } from "../core/choices.ts";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { readPiFile } from "../core/pi-files.ts";
import { sha256 } from "../core/sha256.ts";
import { type SessionOptions, sessionOptions } from "../protocol/session.ts";
import type { SessionRecord } from "./registry.ts";

/**
 * The options of a session, in pi's own directory: the registry can be lost, and pi's file doesn't hold them. Without the
 * note the session would pass for one of pi's own and run with all tools. Always in pi's directory and never beside the
 * sessions, which may lie in a repository that others have written.
 */
function noteFile(agentDir: string, sessionId: string): string {
  const name = /^[\w-][\w.-]{0,199}$/.test(sessionId) ? sessionId : sha256(sessionId);
  return join(noteDirectory(agentDir), `${name}.json`);
}

/** Where the notes of all sessions with a directory of pi are, whichever `PICTL_HOME` they have. */
export function noteDirectory(agentDir: string): string {
  return join(agentDir, "pictl", "options");
}

/**
 * What a note in {@link noteDirectory} says, undefined where it has gone meanwhile. Throws what the file system says, and
 * for a note that makes no sense.
 */
export function readNote(agentDir: string, name: string): SessionOptions | undefined {
  try {
    return sessionOptions.parse(JSON.parse(readPiFile(join(noteDirectory(agentDir), name))));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes the note of a session whose options restrict or add anything. Throws what the file system says. */
export function writeOptionsNote(record: SessionRecord, agentDir: string): void {
  const { model: _, thinking: __, ephemeral, ...options } = record.options;
  const path = noteFile(agentDir, record.id);
  if (ephemeral || Object.keys(options).length === 0 || existsSync(path)) return;
  mkdirSync(noteDirectory(agentDir), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(options)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

export function removeOptionsNote({ id, agentDir }: SessionRecord): void {
  rmSync(noteFile(agentDir, id), { force: true });
}

/**
 * The options that a session was created with, for one that the registry doesn't know. The sandbox that it has because of
 * where its file lies stays.
 *
 * @returns undefined without a note
 * @throws PictlError STORAGE_UNAVAILABLE for a note that can't be read, or has an option that this build doesn't know
 */
export function notedOptions({ id, options }: SessionRecord, agentDir: string): SessionOptions | undefined {
  const path = noteFile(agentDir, id);
  let text: string;
  try {
    text = readPiFile(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw unreadable(path, id, error);
  }
  try {
    const { noSandbox, ...noted } = sessionOptions.parse(JSON.parse(text));
    const sandbox = stricter(noted.sandbox, options.sandbox);
    return {
      ...noted,
      ...(sandbox === undefined ? {} : { sandbox }),
      ...(noSandbox === undefined || sandbox !== undefined ? {} : { noSandbox }),
    };
  } catch (error) {
    throw unreadable(path, id, error);
  }
}

type Profile = SessionOptions["sandbox"];

function stricter(one: Profile, other: Profile): Profile {
  return sandboxProfiles.findLast((profile) => profile === one || profile === other);
}

function unreadable(path: string, sessionId: string, cause: unknown): PictlError {
  return new PictlError(
    "STORAGE_UNAVAILABLE",
    `The options of session ${sessionId} can't be read from ${path}.`,
    {
      hint: "Use the pictl that wrote it, or remove the file to go on without the options that the session was created with.",
      details: { path, sessionId },
      cause,
    },
  );
}
