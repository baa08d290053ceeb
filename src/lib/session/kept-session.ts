import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PromisedPolicy, SandboxPlan } from "../agent/sandbox/agent-sandboxes.ts";
import { readAgentFile } from "../core/agent-file.ts";
import type { SandboxProfile } from "../core/choices.ts";
import { PictlError, systemErrorCode, toStorageError } from "../core/errors.ts";
import { ensurePrivateDir } from "../core/paths.ts";
import {
  agentDirAround,
  type KeptNote,
  keptFile,
  readKept,
  sandboxedDirectoryFor,
  sandboxedDirectoryOf,
  sandboxedFiles,
} from "../core/session-files/sandboxed-directory.ts";
import { shellQuote } from "../core/shell-quote.ts";
import { sessionOptions } from "../protocol/session.ts";
import type { SessionRecord } from "./registry.ts";

/** A policy names some hundred places. */
const MAX_POLICY_BYTES = 4 * 1024 * 1024;

/** What a note has of a session's record: what was promised, and not what passes. */
const KEPT = [
  "id",
  "cwd",
  "name",
  "parent",
  "options",
  "promised",
  "promisedTools",
  "resolved",
  "createdAt",
] as const;

/** The directory of its own that a session has: it is, or was, sandboxed. */
export function directoryOf({ file, agentDir }: SessionRecord): string | undefined {
  return file === undefined ? undefined : sandboxedDirectoryOf(file, agentDir);
}

/**
 * Makes a sandboxed session's directory, and writes down beside it what the session is promised, before its agent runs.
 * Neither another PICTL_HOME nor the loss of the registry changes that.
 *
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function makeSandboxedDirectory(
  directory: string,
  record: SessionRecord,
  { policy, promised }: Pick<SandboxPlan, "policy" | "promised">,
): void {
  ensurePrivateDir(sandboxedFiles(directory));
  // First: where there is a note, there is a policy.
  write(policyFile(directory), JSON.stringify(promised));
  writeNote(directory, record, policy.profile);
}

/**
 * The names in the notes of sandboxed sessions as they were when this daemon last read or wrote them: one that is another
 * now was given under another PICTL_HOME.
 */
export class KeptNames {
  readonly #seen = new WeakMap<SessionRecord, string | undefined>();

  /** The session's note has the name that its record has. */
  see(record: SessionRecord): void {
    this.#seen.set(record, record.name);
  }

  /**
   * Gives a record the name in its session's note where that is the newer one.
   *
   * @returns whether the record has another name now
   */
  takeIn(record: SessionRecord, name: string | undefined): boolean {
    const seen = this.#seen.get(record);
    const isNewer = this.#seen.has(record) && name !== undefined && name !== seen;
    if (!isNewer || record.name !== seen || record.renamed) return false;
    record.name = name;
    this.see(record);
    return true;
  }
}

/** Brings the note of a session up to date, where it has one. @throws what the file system says */
export function keepRecord(record: SessionRecord, names: KeptNames): void {
  const directory = directoryOf(record);
  if (directory === undefined) return;
  const kept = readKept(directory);
  if (kept === undefined) return;
  names.takeIn(record, kept.name);
  writeNote(directory, record, kept.profile);
  names.see(record);
}

function writeNote(directory: string, record: SessionRecord, profile: SandboxProfile): void {
  const { promised, options } = record;
  const fields = Object.fromEntries(KEPT.map((key) => [key, record[key]]));
  const model = promised?.model ?? options.model;
  const thinking = promised?.thinking ?? options.thinking;
  write(keptFile(directory), JSON.stringify({ ...fields, model, thinking, profile }));
}

/**
 * The record of a session that the registry doesn't know, as it was kept.
 *
 * @param file of the session
 * @throws PictlError STORAGE_UNAVAILABLE for a note with options that this build doesn't know
 */
export function keptRecord(
  { note, profile, id, cwd }: KeptNote,
  file: string,
  directory: string,
): Omit<SessionRecord, "createdAt" | "usedAt"> {
  const { name, parent, promised, promisedTools, resolved } = note as unknown as SessionRecord;
  const options = sessionOptions.safeParse(note.options);
  if (!options.success) throw unreadable(id, keptFile(directory), options.error);
  const { noSandbox: _, ...others } = options.data;
  const record = {
    id,
    cwd,
    agentDir: agentDirAround(directory),
    file,
    options: { ...others, sandbox: others.sandbox ?? profile },
    promised: { ...promised, isSandboxed: true },
    origin: "pictl",
    closed: true,
    written: true,
  } as const;
  const rest = Object.entries({ name, parent, promisedTools, resolved }).filter(
    ([, value]) => value !== undefined,
  );
  return { ...record, ...Object.fromEntries(rest) };
}

/**
 * The policy that held for the session of a directory, which has one, and a note, from before its first agent.
 *
 * @throws PictlError STORAGE_UNAVAILABLE where it can't be read, or either is gone
 */
export function promisedPolicy({ id }: Pick<SessionRecord, "id">, directory: string): PromisedPolicy {
  if (!existsSync(keptFile(directory))) throw unreadable(id, keptFile(directory));
  try {
    return readPolicy(directory);
  } catch (error) {
    throw unreadable(id, policyFile(directory), error);
  }
}

/** A session whose file lies in a directory of its own, of which nobody knows what was promised to it. */
export function unreadable(id: string, path: string, cause?: unknown): PictlError {
  return new PictlError(
    "STORAGE_UNAVAILABLE",
    `Session ${id} is a sandboxed one, and what it was promised can't be read from ${path}.`,
    {
      hint: "Put the file back, or use the pictl that wrote it. What was said can be read still: `pictl session export`.",
      details: { path, sessionId: id },
      cause,
    },
  );
}

/**
 * Moves the file of a session that is sandboxed from now on into its own directory, where no other session's agent
 * sees it.
 *
 * @returns its new path
 * @throws PictlError STORAGE_UNAVAILABLE
 */
export function moveInto(directory: string, file: string): string {
  const path = join(sandboxedFiles(directory), basename(file));
  try {
    renameSync(file, path);
  } catch (error) {
    if (systemErrorCode(error) !== "EXDEV") throw toStorageError(error, file);
    copyFileSync(file, path);
    rmSync(file);
  }
  return path;
}

/** Takes away the directory of a session that has no file: its agent has never written one. */
export function removeUnused(record: SessionRecord): void {
  const directory = directoryOf(record) ?? sandboxedDirectoryFor(record.agentDir, record.cwd, record.id);
  if (!existsSync(directory)) return;
  const files = readdirSync(sandboxedFiles(directory));
  if (files.some((name) => name.endsWith(".jsonl"))) return;
  removeSandboxedDirectory(directory);
}

/**
 * Takes away a sandboxed session's directory with all that is in it: first what its agent has left beside the session's
 * file, last what says what the session was promised. Where that fails the session is as it was, and can be deleted again.
 *
 * @throws PictlError STORAGE_UNAVAILABLE naming what can't be removed
 */
export function removeSandboxedDirectory(directory: string): void {
  const files = sandboxedFiles(directory);
  removeLeft(files);
  for (const path of [files, directory]) removeAll(path);
  try {
    // That of the project, when this was the last one.
    rmdirSync(dirname(directory));
  } catch {
    // It isn't empty.
  }
}

/** Removes all but the session's own file from the directory that an agent wrote. */
function removeLeft(files: string): void {
  const stats = lstatSync(files, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return;
  unlock(files, stats);
  for (const name of readdirSync(files)) if (!name.endsWith(".jsonl")) removeAll(join(files, name));
}

/** Goes also into directories that an agent has closed to its own user. */
function removeAll(path: string): void {
  try {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      unlockBelow(path);
      rmSync(path, { recursive: true, force: true });
    }
  } catch (error) {
    const at = error instanceof Error && "path" in error ? String(error.path) : path;
    throw new PictlError(
      "STORAGE_UNAVAILABLE",
      `Cannot remove ${at}: ${systemErrorCode(error) ?? String(error)}.`,
      {
        hint: `The session is still there. Make it removable, for example with \`chmod -R u+rwx ${shellQuote(path)}\`, and delete the session again.`,
        details: { path: at, errno: systemErrorCode(error) },
        cause: error,
      },
    );
  }
}

function unlockBelow(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return;
  unlock(path, stats);
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) unlockBelow(join(path, entry.name));
}

/** Only a directory, never what a link leads to. */
function unlock(path: string, { mode }: Stats): void {
  if ((mode & 0o700) !== 0o700) chmodSync(path, (mode & 0o777) | 0o700);
}

function policyFile(directory: string): string {
  return join(directory, "policy.json");
}

function readPolicy(directory: string): PromisedPolicy {
  const text = readAgentFile(policyFile(directory), { maxBytes: MAX_POLICY_BYTES }).toString("utf8");
  return JSON.parse(text) as PromisedPolicy;
}

/** In one step, and not at all where it says so already. */
function write(path: string, json: string): void {
  const text = `${json}\n`;
  try {
    if (existsSync(path) && readAgentFile(path, { maxBytes: text.length * 4 }).toString("utf8") === text)
      return;
  } catch {
    // Written anew.
  }
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}
