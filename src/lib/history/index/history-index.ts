import { closeSync, existsSync, fstatSync } from "node:fs";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { systemErrorCode } from "../../core/errors.ts";
import { type JsonObject, parseObject } from "../../core/session-files/json.ts";
import { isInLine, readFully } from "../../core/session-files/line-reader.ts";
import { listRoots, type SessionFile, type SessionRoot } from "../../core/session-files/locate.ts";
import { openSessionFile } from "../../core/session-files/open.ts";
import { KeptSessions } from "../../core/session-files/sandboxed-directory.ts";
import { fingerprint } from "../files/fingerprint.ts";
import { isBelow, otherNames } from "../files/roots.ts";
import type { Fold } from "../text/fold.ts";
import { Columns } from "./columns.ts";
import { DamagedRow, Database, isDamage } from "./database.ts";
import { bareState, type FileState } from "./file-state.ts";
import { parentOf, readFile } from "./read-file.ts";
import { IndexWriter } from "./writer.ts";

/** What is read of a file, as its directory lists it. */
type FoundFile = Omit<SessionFile, "id">;

/** How long is read in one go: a search that comes meanwhile waits no longer. */
const STEP_MS = 40;
/** What a death of the process loses at most, but for a file that is being read. */
const COMMIT_MS = 1_000;
/**
 * A reading of more is made as a whole, and then put into the database from beside it; after less that would only wait
 * for the disk.
 */
const MANY_BYTES = 16 * 1024 * 1024;
/** Between two steps of merging, some 10 ms each: a search seldom meets one. */
const MERGE_PAUSE_MS = 50;
/** Longer times overflow a timer. */
const MAX_WAIT_MS = 2 ** 31 - 1;
/** Longer than any header with two paths. */
const HEADER_BYTES = 16 * 1024;
/** No file matches it: what couldn't be read is tried again. */
const NEVER = -1;

/** A session file as the index knows it. */
export interface FileRow {
  id: number;
  path: string;
  ino: number;
  size: number;
  mtime: number;
  /** Bytes that are in the index. */
  offset: number;
  fingerprint: string;
  /** Why nothing of it is indexed, or not all: `unreadable`, `foreign`, or the reason of an exclusion. */
  problem: string | undefined;
  state: FileState | undefined;
}

export interface Progress {
  running: boolean;
  files: { done: number; total: number };
  bytes: { done: number; total: number };
}

export type ExclusionTest = (file: { session: string; cwd: string; path: string }) => string | undefined;

/**
 * The index and the files that it follows. Everything is in step with the files once {@link refresh} has looked
 * and {@link settle} has resolved to true.
 */
export class HistoryIndex {
  readonly fold: Fold;
  readonly db: Database;
  columns: Columns;
  readonly files = new Map<number, FileRow>();
  skipped: string[] = [];
  #byPath = new Map<string, FileRow>();
  #writer: IndexWriter;
  readonly #commitMs: number;
  readonly #kept = new KeptSessions();
  /** By file: the directory of the sandboxed session that it is in. */
  readonly #sandboxed = new Map<string, string>();
  readonly #todo = new Map<string, FoundFile>();
  #isExcluded: ExclusionTest = () => undefined;
  #work: Promise<void> | undefined;
  #merging = false;
  /** Whether something was taken out that isn't to be found in the database's file any more either. */
  #hasLeftOut = false;
  #done = { files: 0, bytes: 0 };
  #total = { files: 0, bytes: 0 };
  #failure: unknown;
  #closed = false;

  /** @throws PictlError STORAGE_UNAVAILABLE */
  constructor(path: string, fold: Fold, commitMs: number = COMMIT_MS) {
    this.fold = fold;
    this.#commitMs = commitMs;
    this.db = new Database(path);
    this.columns = new Columns();
    this.#writer = new IndexWriter(this.db, this.columns, fold);
    try {
      this.#reload();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.remake();
    }
  }

  /** Looks at the directories, and takes out what is gone or is to be left out. What is to be read is noted. */
  refresh(roots: readonly SessionRoot[], isExcluded: ExclusionTest): void {
    try {
      this.#refresh(roots, isExcluded);
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  #refresh(roots: readonly SessionRoot[], isExcluded: ExclusionTest): void {
    if (this.db.isGone) this.remake();
    this.#isExcluded = isExcluded;
    const { files, skipped } = listRoots(roots);
    const hasOtherName = otherNames(files);
    this.skipped = skipped;
    const listed = new Set<string>();
    for (const file of files) {
      listed.add(file.path);
      if (file.sandboxed !== undefined) this.#sandboxed.set(file.path, file.sandboxed);
      const row = this.#byPath.get(file.path);
      if (row?.ino !== file.ino || row.size !== file.size || row.mtime !== file.mtimeMs) this.#note(file);
      else this.#applyName(row);
    }
    for (const row of [...this.files.values()]) {
      if (!isBelow(row.path, roots)) continue;
      if (!listed.has(row.path)) {
        this.#todo.delete(row.path);
        // A directory that can't be listed for the moment takes nothing away.
        if (!existsSync(row.path) || hasOtherName(row.path)) this.#drop(row);
      } else this.#applyExclusion(row);
    }
    if (this.#hasLeftOut) this.db.purge();
    else if (this.#work === undefined) this.db.commit();
    this.#hasLeftOut = false;
  }

  /** Reads everything that is noted. Resolves to false when `waitMs` is over first; the reading goes on. */
  async settle(waitMs: number): Promise<boolean> {
    this.#throwFailure();
    if (this.#todo.size === 0 && this.#work === undefined) return true;
    this.#work ??= this.#readAll().finally(() => {
      this.#work = undefined;
    });
    const late = AbortSignal.timeout(Math.min(waitMs, MAX_WAIT_MS));
    const work = this.#work;
    const inTime = await Promise.race([
      work.then(() => true),
      new Promise<false>((resolve) => late.addEventListener("abort", () => resolve(false), { once: true })),
    ]);
    if (inTime) this.#throwFailure();
    return inTime;
  }

  get progress(): Progress {
    return {
      running: this.#work !== undefined,
      files: { done: this.#done.files, total: this.#total.files },
      bytes: { done: Math.min(this.#done.bytes, this.#total.bytes), total: this.#total.bytes },
    };
  }

  /** Takes a file out and notes it for a new reading. */
  reread(row: FileRow): void {
    this.#clear(row);
    this.#note({ path: row.path, ino: row.ino, size: row.size, mtimeMs: row.mtime });
  }

  /** Begins from nothing. */
  remake(): void {
    this.db.remake();
    this.files.clear();
    this.#byPath.clear();
    this.#todo.clear();
    this.#reload();
  }

  close(): void {
    this.#closed = true;
    this.db.close();
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #note(file: FoundFile): void {
    if (this.#todo.size === 0 && this.#work === undefined) {
      this.#done = { files: 0, bytes: 0 };
      this.#total = { files: 0, bytes: 0 };
    }
    const before = this.#todo.get(file.path);
    const from = this.#byPath.get(file.path)?.offset ?? 0;
    const bytes = (size: number) => Math.max(0, size >= from ? size - from : size);
    if (before === undefined) this.#total.files += 1;
    this.#total.bytes += bytes(file.size) - (before === undefined ? 0 : bytes(before.size));
    this.#todo.set(file.path, file);
  }

  async #readAll(): Promise<void> {
    let order: FoundFile[] = [];
    const followed = new Set<string>();
    let committed = performance.now();
    while (this.#todo.size > 0 && !this.#closed) {
      // What is newest is what people ask for first.
      if (order.length === 0) order = [...this.#todo.values()].sort((a, b) => a.mtimeMs - b.mtimeMs);
      const file = this.#todo.get(order.at(-1)?.path ?? "");
      if (file === undefined) {
        order.pop();
        continue;
      }
      const parent = followed.has(file.path) ? undefined : this.#unreadParent(file.path);
      followed.add(file.path);
      if (parent !== undefined) {
        order.push(parent);
        continue;
      }
      try {
        // Files may be added while others are read.
        this.db.mergeAsWritten(this.#total.bytes <= MANY_BYTES);
        this.#step(file);
        if (performance.now() - committed > this.#commitMs) {
          this.db.commit();
          committed = performance.now();
        }
      } catch (error) {
        this.#failure = error;
        this.#todo.clear();
        this.#undo();
        return;
      }
      await setImmediate();
    }
    if (this.#closed) return;
    try {
      this.db.mergeAsWritten(true);
      this.db.commit();
      if (this.#done.bytes <= MANY_BYTES) return;
      this.db.checkpoint();
    } catch (error) {
      this.#failure = error;
      this.#undo();
      return;
    }
    void this.#mergeRest();
  }

  /** What both have is booked on the file that is read first, and belongs to the one that the other was made from. */
  #unreadParent(path: string): FoundFile | undefined {
    if ((this.#byPath.get(path)?.offset ?? 0) > 0) return undefined;
    const sandboxed = this.#sandboxed.get(path);
    const parent =
      sandboxed === undefined ? parentOf(readHeader(path) ?? {}) : this.#kept.of(sandboxed)?.parent;
    return parent === undefined ? undefined : this.#todo.get(parent);
  }

  /** In steps, so that no search waits for it and no later turn has to merge much at once. */
  async #mergeRest(): Promise<void> {
    if (this.#merging) return;
    this.#merging = true;
    try {
      do await delay(MERGE_PAUSE_MS, undefined, { ref: false });
      while (!this.#closed && this.db.mergeSome());
    } catch {
      // Damaged or gone: whoever asks next finds out and makes it anew.
    } finally {
      this.#merging = false;
    }
  }

  #step(file: FoundFile): void {
    let fd: number;
    try {
      fd = openSessionFile(file.path);
    } catch (error) {
      this.#todo.delete(file.path);
      this.#done.files += 1;
      if (systemErrorCode(error) !== "ENOENT") this.#markUnreadable(file);
      return;
    }
    try {
      const { ino, size, mtimeMs } = fstatSync(fd);
      if (this.#read(fd, { path: file.path, ino, size, mtimeMs })) return;
      this.#todo.delete(file.path);
      this.#done.files += 1;
    } finally {
      closeSync(fd);
    }
  }

  /** @returns whether there is more to read */
  #read(fd: number, file: FoundFile): boolean {
    this.db.begin();
    const row = this.#byPath.get(file.path) ?? this.#insert(file);
    const sandboxed = this.#sandboxed.get(file.path);
    const isReplaced = file.ino !== row.ino || (file.size === row.size && row.mtime !== NEVER);
    const grown = row.state !== undefined && row.problem === undefined && file.size >= row.offset;
    if (isReplaced || !grown || row.fingerprint !== fingerprint(fd, row.offset) || isInLine(fd, row.offset))
      this.#clear(row);
    const result = readFile(
      {
        fd,
        file: row.id,
        offset: row.offset,
        size: file.size,
        state: row.state === undefined ? undefined : structuredClone(row.state),
        deadline: performance.now() + STEP_MS,
        kept: sandboxed === undefined ? undefined : (this.#kept.of(sandboxed) ?? null),
        isExcluded: (header) => this.#isExcluded({ ...header, path: file.path }),
      },
      this.#writer,
    );
    this.#writer.flush();
    Object.assign(row, { ino: file.ino, size: file.size, mtime: file.mtimeMs });
    if (result.kind === "read") {
      this.#done.bytes += result.offset - row.offset;
      Object.assign(row, { offset: result.offset, state: result.state, problem: undefined });
      row.fingerprint = fingerprint(fd, row.offset);
      if (result.more) row.mtime = NEVER;
    } else {
      this.#done.bytes += file.size;
      row.problem = result.kind === "foreign" ? "foreign" : result.reason;
      row.state = result.kind === "foreign" ? undefined : result.state;
    }
    this.#save(row);
    return result.kind === "read" && result.more;
  }

  #insert(file: FoundFile): FileRow {
    const { lastInsertRowid } = this.db
      .sql(
        "INSERT INTO files (path, ino, size, mtime, offset, fingerprint, state) VALUES (?, ?, ?, ?, 0, '', 'null')",
      )
      .run(file.path, file.ino, file.size, NEVER);
    const { path, ino, size, mtimeMs: mtime } = file;
    const row: FileRow = {
      ...{ path, ino, size, mtime },
      id: Number(lastInsertRowid),
      offset: 0,
      fingerprint: "",
      problem: undefined,
      state: undefined,
    };
    this.files.set(row.id, row);
    this.#byPath.set(row.path, row);
    return row;
  }

  #save(row: FileRow): void {
    const { ino, size, mtime, offset, fingerprint: print, problem, state, id } = row;
    this.db
      .sql(
        "UPDATE files SET ino = ?, size = ?, mtime = ?, offset = ?, fingerprint = ?, problem = ?, session = ?, cwd = ?, state = ? WHERE id = ?",
      )
      .run(
        ino,
        size,
        mtime,
        offset,
        print,
        problem ?? null,
        state?.session ?? null,
        state?.cwd ?? null,
        JSON.stringify(state ?? null),
        id,
      );
  }

  /** Takes out what is indexed of a file, and of those that rested on it. */
  #clear(row: FileRow): void {
    this.db.begin();
    const others = this.#writer.remove(row.id);
    Object.assign(row, { offset: 0, fingerprint: "", state: undefined, problem: undefined, mtime: NEVER });
    this.#save(row);
    for (const other of others) {
      const dependent = this.files.get(other);
      if (dependent === undefined) continue;
      this.#clear(dependent);
      this.#note({
        path: dependent.path,
        ino: dependent.ino,
        size: dependent.size,
        mtimeMs: dependent.mtime,
      });
    }
  }

  #drop(row: FileRow): void {
    this.#clear(row);
    this.db.sql("DELETE FROM files WHERE id = ?").run(row.id);
    this.files.delete(row.id);
    this.#byPath.delete(row.path);
    this.#sandboxed.delete(row.path);
    this.#todo.delete(row.path);
  }

  /** A sandboxed session's name is what is kept of it, whatever its file says. */
  #applyName(row: FileRow): void {
    const directory = this.#sandboxed.get(row.path);
    if (directory === undefined || row.state === undefined || row.problem !== undefined) return;
    const name = this.#kept.of(directory)?.name;
    if (row.state.name === name) return;
    if (name === undefined) delete row.state.name;
    else row.state.name = name;
    this.db.begin();
    this.#save(row);
  }

  #applyExclusion(row: FileRow): void {
    if (row.state === undefined || this.#todo.has(row.path)) return;
    const reason = this.#isExcluded({ ...row.state, path: row.path });
    if (reason === row.problem) return;
    if (reason === undefined) {
      this.reread(row);
      return;
    }
    const { state, mtime } = row;
    this.#clear(row);
    Object.assign(row, { problem: reason, state: bareState(state), mtime });
    this.#save(row);
    this.#hasLeftOut = true;
  }

  #markUnreadable(file: FoundFile): void {
    this.db.begin();
    const row = this.#byPath.get(file.path) ?? this.#insert(file);
    this.#clear(row);
    row.problem = "unreadable";
    this.#save(row);
  }

  /** What stands in memory is undone with the transaction. A damaged index that can't do that is made anew. */
  #undo(): void {
    try {
      this.db.rollback();
      this.#reload();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.remake();
    }
  }

  #reload(): void {
    this.columns = Columns.load(this.db);
    this.#writer = new IndexWriter(this.db, this.columns, this.fold);
    this.#loadFiles();
  }

  #loadFiles(): void {
    this.files.clear();
    this.#byPath = new Map();
    for (const row of this.db.sql("SELECT * FROM files").all() as unknown as (Omit<
      FileRow,
      "state" | "problem"
    > & {
      state: string;
      problem: string | null;
    })[]) {
      const { id, path, ino, size, mtime, offset } = row;
      const file: FileRow = {
        ...{ id, path, ino, size, mtime, offset, fingerprint: row.fingerprint },
        problem: row.problem ?? undefined,
        state: parseState(row.state),
      };
      this.files.set(id, file);
      this.#byPath.set(path, file);
    }
  }
}

function parseState(text: string): FileState | undefined {
  try {
    return (JSON.parse(text) as FileState | null) ?? undefined;
  } catch (error) {
    throw new DamagedRow("the state of a file is not JSON", { cause: error });
  }
}

/** The first line of a file, where it is short enough for a header. */
function readHeader(path: string): JsonObject | undefined {
  let fd: number;
  try {
    fd = openSessionFile(path);
  } catch {
    // Gone or closed to us: whoever reads it finds out which.
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(HEADER_BYTES);
    const text = bytes.toString("utf8", 0, readFully(fd, bytes, 0, HEADER_BYTES));
    const end = text.indexOf("\n");
    return end === -1 ? undefined : parseObject(text.slice(0, end));
  } finally {
    closeSync(fd);
  }
}
