import { statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { readAgentFile } from "../agent-file.ts";
import { type SandboxProfile, sandboxProfiles } from "../choices.ts";
import { systemErrorCode } from "../errors.ts";
import { sha256 } from "../sha256.ts";
import { asString, type JsonObject, parseObject } from "./json.ts";
import { SANDBOXED_FILES, sandboxedRoot, sessionDirFor } from "./locate.ts";

/**
 * The directory of its own that a sandboxed session has:
 *
 *     <agentDir>/sandboxed-sessions/--<cwd>--/<name>/files/<time>_<id>.jsonl
 *     <agentDir>/sandboxed-sessions/--<cwd>--/<name>/session.json
 *
 * Its agent sees and writes `files`, and nothing else of all this. `session.json` is what pictl keeps of the session: what
 * its file says of itself is the agent's word. That a file lies here says that its session is sandboxed, whatever
 * registry is asked. pi's own interface doesn't look here.
 *
 * @param name unique for this working directory: the session's id where it is known beforehand
 */
export function sandboxedDirectoryFor(agentDir: string, cwd: string, name: string): string {
  // An id may come from a file that anybody has written.
  const safe = /^[\w-][\w.-]{0,199}$/.test(name) ? name : sha256(name);
  return join(sandboxedRoot(agentDir).path, basename(sessionDirFor(cwd, agentDir)), safe);
}

/** Where the agent of such a directory keeps its session's file. */
export function sandboxedFiles(directory: string): string {
  return join(directory, SANDBOXED_FILES);
}

/** The directory that a session's file lies in, when that is a sandboxed session's; by the path alone. */
export function sandboxedDirectoryOf(file: string, agentDir: string): string | undefined {
  const files = dirname(file);
  const directory = dirname(files);
  const isOne =
    basename(files) === SANDBOXED_FILES && dirname(dirname(directory)) === sandboxedRoot(agentDir).path;
  return isOne ? directory : undefined;
}

/** The agent directory that holds a sandboxed session's directory. */
export function agentDirAround(directory: string): string {
  return resolve(directory, "../../..");
}

/** What pictl keeps beside a sandboxed session's file. */
export interface KeptSession {
  id: string;
  cwd: string;
  name?: string;
  /** The file of the session that it is a copy of. */
  parent?: string;
  /** `provider/id`. */
  model?: string;
  thinking?: string;
  /** Of the sandbox that it ran in last. */
  profile: SandboxProfile;
}

/** The same with all of the note: who wrote it knows the rest. */
export interface KeptNote extends KeptSession {
  note: JsonObject;
}

/** The text of a prompt may be long; nothing else in it is. */
const MAX_BYTES = 16 * 1024 * 1024;

export function keptFile(directory: string): string {
  return join(directory, "session.json");
}

/**
 * What is kept of the session of a directory.
 *
 * @returns undefined where nothing is
 * @throws what the file system says; SyntaxError for what isn't such a note
 */
export function readKept(directory: string): KeptNote | undefined {
  const path = keptFile(directory);
  let text: string;
  try {
    text = readAgentFile(path, { maxBytes: MAX_BYTES }).toString("utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const note = parseObject(text) ?? {};
  const [id, cwd] = [asString(note.id), asString(note.cwd)];
  const profile = sandboxProfiles.find((name) => name === note.profile);
  if (id === undefined || cwd === undefined || profile === undefined)
    throw new SyntaxError(`${path} doesn't say what pictl keeps of a session`);
  const texts = ["name", "parent", "model", "thinking"].flatMap((key) => {
    const value = asString(note[key]);
    return value === undefined ? [] : [[key, value]];
  });
  return { id, cwd, profile, note, ...Object.fromEntries(texts) };
}

/** {@link readKept} without a second reading of what hasn't changed. One that can't be read counts as missing. */
export class KeptSessions {
  readonly #read = new Map<string, { mtimeMs: number; ino: number; kept: KeptSession | undefined }>();

  of(directory: string): KeptSession | undefined {
    const stats = statSync(keptFile(directory), { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const { mtimeMs, ino } = stats;
    const before = this.#read.get(directory);
    if (before?.mtimeMs === mtimeMs && before.ino === ino) return before.kept;
    let kept: KeptSession | undefined;
    try {
      const read = readKept(directory);
      if (read !== undefined) {
        // Without the note, in which there may be long prompts.
        const { note: _, ...session } = read;
        kept = session;
      }
    } catch {
      // Whoever starts an agent for it hears of that.
    }
    if (this.#read.size >= MAX_REMEMBERED) this.#read.clear();
    this.#read.set(directory, { mtimeMs, ino, kept });
    return kept;
  }
}

/** Some hundred bytes each: more sessions than anybody lists, and a bound all the same. */
const MAX_REMEMBERED = 20_000;
