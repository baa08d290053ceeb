import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { PictlError, systemErrorCode, toStorageError } from "../../core/errors.ts";
import type { SandboxReview } from "../../core/sandbox-review.ts";
import { sha256 } from "../../core/sha256.ts";
import type { Snapshot } from "../../sandbox/runs-later/snapshot.ts";

/** Begins with the agent's start, which takes half a second, and may make that longer by this. */
const BASELINE_MS = 5_000;
/** Somebody waits for it. */
const REVIEW_MS = 30_000;
/** Texts have at most 32 MiB, and each byte of one at most six in JSON. */
const MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024;

const ENDING = ".json.gz";

/**
 * The files of sessions' workspaces that something outside may run or obey, as they were before an agent first ran there
 * in a sandbox: by value, in the state directory, which no sandbox sees. A session has one for each workspace, which is
 * another one where its directory became part of a larger repository.
 */
export class Baselines {
  readonly #directory: string;

  /** @param directory private, of no sandbox; made when it is needed */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether a session has a baseline of this workspace. */
  has(sessionId: string, roots: readonly string[]): boolean {
    return existsSync(this.#file(sessionId, roots));
  }

  /**
   * Takes a session's baseline where there is none yet. Work goes on meanwhile.
   *
   * @param roots the workspace, and its git directory where that is elsewhere
   * @param before when the session's first agent began: what has changed since isn't part of it
   * @throws PictlError STORAGE_UNAVAILABLE
   */
  async take(sessionId: string, roots: readonly string[], before = Date.now()): Promise<void> {
    if (this.has(sessionId, roots)) return;
    // The list of what is looked for is long: a daemon without a sandbox starts without it.
    const { takeSnapshot } = await import("../../sandbox/runs-later/snapshot.ts");
    await write(this.#file(sessionId, roots), await takeSnapshot({ roots, before, limitMs: BASELINE_MS }));
  }

  /** Gives a copy of a session its baseline of the same workspace: what that has changed isn't reviewed yet. */
  copy(from: string, to: string, roots: readonly string[]): void {
    const file = this.#file(from, roots);
    if (existsSync(file)) writeWhole(this.#file(to, roots), readFileSync(file));
  }

  /** Forgets those of a session. */
  remove(sessionId: string): void {
    rmSync(this.#of(sessionId), { recursive: true, force: true });
  }

  /**
   * Compares a session's workspace with its baselines.
   *
   * @param options `accept`: make what was compared, and no later state, the baseline
   * @throws PictlError BASELINE_NOT_FOUND, STORAGE_UNAVAILABLE
   */
  async review(sessionId: string, { accept }: { accept: boolean }): Promise<SandboxReview> {
    const files = this.#files(sessionId);
    if (files.length === 0) {
      throw new PictlError(
        "BASELINE_NOT_FOUND",
        `Nothing is known of how the workspace of session ${sessionId} was before: no agent of it has run in a sandbox here.`,
        {
          hint: "It is recorded when an agent of the session first starts in a sandbox (`pictl session show` says whether it has one).",
          details: { sessionId },
        },
      );
    }
    const [{ takeSnapshot }, { compareSnapshots }] = await Promise.all([
      import("../../sandbox/runs-later/snapshot.ts"),
      import("../../sandbox/runs-later/compare.ts"),
    ]);
    const review: SandboxReview = { baselines: [], changes: [], notReviewed: [], accepted: accept };
    const states: [file: string, now: Snapshot][] = [];
    for (const name of files) {
      const file = join(this.#of(sessionId), name);
      const baseline = await read(file, sessionId);
      const now = await takeSnapshot({
        roots: baseline.roots,
        since: baseline.takenAt,
        limitMs: REVIEW_MS,
      });
      const { changes, notReviewed } = compareSnapshots(baseline, now);
      review.baselines.push({ workspace: baseline.roots[0] ?? "", takenAt: baseline.takenAt });
      review.changes.push(...changes);
      review.notReviewed.push(...notReviewed);
      states.push([file, now]);
    }
    if (accept) for (const [file, now] of states) await write(file, now);
    return review;
  }

  /** An id may come from a file that an agent has written. */
  #of(sessionId: string): string {
    return join(this.#directory, sha256(sessionId));
  }

  #file(sessionId: string, roots: readonly string[]): string {
    return join(this.#of(sessionId), `${sha256(JSON.stringify(roots))}${ENDING}`);
  }

  #files(sessionId: string): string[] {
    try {
      return readdirSync(this.#of(sessionId)).filter((name) => name.endsWith(ENDING));
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return [];
      throw error;
    }
  }
}

async function write(file: string, snapshot: Snapshot): Promise<void> {
  writeWhole(file, await promisify(gzip)(JSON.stringify(snapshot)));
}

/** A reader finds the old one or the new one. */
function writeWhole(file: string, bytes: Buffer): void {
  const made = `${file}.${process.pid}`;
  try {
    mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
    const fd = openSync(made, "w", 0o600);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
    } finally {
      closeSync(fd);
    }
    renameSync(made, file);
  } catch (error) {
    rmSync(made, { force: true });
    throw toStorageError(error, file);
  }
}

async function read(file: string, sessionId: string): Promise<Snapshot> {
  try {
    const text = await promisify(gunzip)(readFileSync(file), { maxOutputLength: MAX_SNAPSHOT_BYTES });
    const snapshot = JSON.parse(text.toString()) as Snapshot;
    if (snapshot.version === 1) return snapshot;
    throw new SyntaxError(`it is of version ${snapshot.version}`);
  } catch (error) {
    throw new PictlError(
      "BASELINE_NOT_FOUND",
      `The baseline of session ${sessionId} can't be read: ${error instanceof Error ? error.message : String(error)}.`,
      {
        hint: `Look at the whole workspace, then move ${file} away: the next start of an agent of the session records it anew.`,
        details: { sessionId, path: file },
        cause: error,
      },
    );
  }
}
