import { lstatSync, type Stats } from "node:fs";
import type { Agent } from "../agent/agent.ts";
import { PictlError } from "../core/errors.ts";
import { type FileProblem, problemOf } from "./files/identity.ts";
import { FILE_START, type FileMark, markEnd, readTail, type Tail } from "./files/tail.ts";
import type { SeenFile } from "./registry.ts";

/** Both are answered from memory; longer means the agent is stuck, which others find out. */
const ASK_TIMEOUT_MS = 10_000;
/** pi writes a line at once. Longer within one is a writer that has died, or that isn't pi. */
const CUT_LINE_MS = 50;

type Asked = Pick<Agent, "request">;

/**
 * How the file differs from what the agent takes it for. `changed`: it is the session's file, but another program has
 * written to it, or it lacks what the agent has. `lost`: it isn't the session's file any more.
 */
export type Difference = { kind: "changed" } | { kind: "lost"; file: string; problem: FileProblem };

const CHANGED: Difference = { kind: "changed" };

/**
 * Compares a session's file with what its agent has. The file must be the one that was last looked at (inode, size and
 * times), or have grown by what the agent wrote: behind the last known entry, which must still be in its place, all
 * new entries follow one another and the agent knows the last of them. An entry's parents are known to whoever wrote
 * it, so that one small question is mostly enough. (Comparing sizes after each of our own writes was rejected: what
 * others write in the same moment would count as ours.)
 */
export class ForeignWrites {
  readonly #sessionId: string;
  #path: string | undefined;
  /** All before it was written by our agent, or read by it. */
  #known: FileMark | undefined;
  /** The file when it was last found to be as the agent has it; undefined: not since the agent has read it. */
  #looked: Stats | undefined;
  /** The file when the agent last came to rest, until it is looked at. */
  #rested: Stats | undefined;
  /** The agent may have worked since. */
  #unchecked = false;
  /** Where the last turn began. */
  #turnFrom: FileMark | undefined;
  /** That turn has failed. */
  #isDoubted = false;
  /** The agent has written the file, so it must be there. */
  #isExpected = false;
  #checking: Promise<unknown> = Promise.resolve();

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  /** Where the file ends before an agent is started for it, which reads it then; undefined: there is none yet. */
  static mark(path: string | undefined): FileMark | undefined {
    try {
      return path === undefined ? undefined : markEnd(path);
    } catch {
      // Not written yet, or not readable: pi says so itself.
      return undefined;
    }
  }

  /** An agent holds the session now that has read the file up to the mark, or more. */
  begin(path: string | undefined, mark: FileMark | undefined): void {
    this.#path = path;
    this.#known = mark;
    this.#looked = undefined;
    this.#rested = undefined;
    this.#unchecked = false;
    this.#isDoubted = false;
    this.#isExpected = mark !== undefined;
  }

  /** A turn or a command runs: what it adds is taken for the agent's, should there be nobody left to ask. */
  working(): void {
    this.#unchecked = true;
    this.#turnFrom = this.#known;
  }

  /** The turn has failed: perhaps because the agent could not write, on a full disk. */
  failed(): void {
    this.#isDoubted = true;
  }

  /**
   * Compares the file with what the agent has: one look at the file's times when nothing has changed.
   *
   * @returns undefined when they agree, and when the agent can't be asked any more
   * @throws PictlError STORAGE_UNAVAILABLE for a file that can't be read, or is no regular file any more
   */
  check(agent: Asked): Promise<Difference | undefined> {
    return this.#inTurn(async () => {
      const difference = await this.#compare(agent);
      return difference ?? ((await this.#lacks(agent)) ? CHANGED : undefined);
    });
  }

  /**
   * The agent has come to rest: what changes the file from now on is somebody else's. Compares when nothing waits for
   * the result, so that the next {@link check} has less to do.
   */
  checkLater(agent: Asked): void {
    this.#rested = this.#path === undefined ? undefined : statsOf(this.#path);
    // What is wrong with the file then is wrong at the next check, too.
    void this.check(agent).catch(() => undefined);
  }

  /**
   * Whether what the agent said in the turn that ends may not be in the file, by the file alone.
   *
   * @param messages that the agent has reported as complete
   * @param answered one of them was the assistant's: older pis write nothing before that
   */
  mayLackTurn(messages: number, answered: boolean): boolean {
    const path = this.#path;
    if (path === undefined || messages === 0) return false;
    try {
      if (statsOf(path) === undefined) return this.#isExpected || answered;
      if (problemOf(path, this.#sessionId) !== undefined) return true;
      const from = this.#turnFrom;
      const tail = readTail(path, from ?? FILE_START);
      const isSame = from === undefined || tail.ino === from.ino;
      return !isSame || !tail.holdsMark || !tail.isChain || tail.messages < messages;
    } catch {
      // Not the session's, or not readable.
      return true;
    }
  }

  /**
   * Whether the file lacks entries of the turn that ends, by asking the agent.
   *
   * @returns undefined when all of them are there, and when the agent can't be asked
   */
  lacksTurn(agent: Asked): Promise<{ file: string; problem: FileProblem | undefined } | undefined> {
    return this.#inTurn(async () => {
      const file = this.#path;
      if (file === undefined) return undefined;
      this.#isDoubted = true;
      this.#isExpected = true;
      const problem = problemOf(file, this.#sessionId);
      const lacks = problem !== undefined || (await this.#lacks(agent));
      return lacks ? { file, problem } : undefined;
    });
  }

  /**
   * The file as our agents left it, once the agent has let go of it; to be called in that moment. What it writes
   * until it has ended counts as its own when nothing else was added.
   *
   * @returns gives what to remember, when the agent has ended
   */
  end(): () => SeenFile | undefined {
    const path = this.#path;
    if (path === undefined) return () => undefined;
    const known = this.#knownAtEnd(path);
    // Not that of the file as it is now, which another program may have changed.
    const mtimeMs = (this.#looked ?? this.#rested)?.mtimeMs;
    const atEnd = statsOf(path);
    const isOurs = known !== undefined && atEnd !== undefined && !isOther(known, atEnd);
    return () => {
      if (known === undefined) return undefined;
      const { ino, offset, lastId, lastAt } = known;
      const stats = isOurs ? statsOf(path) : undefined;
      return {
        ino: stats?.ino ?? ino,
        size: stats?.size ?? offset,
        mtimeMs,
        last: { offset, lastId, lastAt },
      };
    };
  }

  /** One comparison after the other. */
  #inTurn<T>(compare: () => Promise<T | undefined>): Promise<T | undefined> {
    const result = this.#checking.then(compare).catch((error: unknown) => {
      if (error instanceof PictlError && error.code === "STORAGE_UNAVAILABLE") throw error;
      // The agent has ended, or the file changes in this moment: the next check tells.
      return undefined;
    });
    this.#checking = result.catch(() => undefined);
    return result;
  }

  /** With what a turn has added of which the agent couldn't be asked. */
  #knownAtEnd(path: string): FileMark | undefined {
    const stats = statsOf(path);
    const isAdded = stats !== undefined && (this.#known === undefined || isOther(this.#known, stats));
    if (!this.#unchecked || !isAdded) return this.#known;
    try {
      const tail = readTail(path, this.#known ?? FILE_START);
      return tail.isChain && tail.holdsMark ? tail : this.#known;
    } catch {
      // Deleted in this moment: there is nothing to be remembered.
      return undefined;
    }
  }

  /**
   * Whether the agent has entries of a failed turn that never got into the file. What it writes next would follow
   * one of them, and whoever reads the file would find nothing before that.
   */
  async #lacks(agent: Asked): Promise<boolean> {
    const path = this.#path;
    // Without a file there is nothing to lose: pi writes it with the first answer.
    if (!this.#isDoubted || path === undefined || statsOf(path) === undefined) return false;
    const entries = await entriesSince(agent, this.#turnFrom?.lastId ?? null);
    // All of it: the file may have been replaced.
    const written = new Set(readTail(path, FILE_START).ids);
    if (entries.some((id) => !written.has(id))) return true;
    this.#isDoubted = false;
    return false;
  }

  async #compare(agent: Asked): Promise<Difference | undefined> {
    const path = this.#path;
    if (path === undefined) return undefined;
    const stats = statsOf(path);
    const [before, looked] = [this.#known, this.#looked];
    if (stats === undefined)
      return this.#isExpected ? { kind: "lost", file: path, problem: { kind: "missing" } } : undefined;
    if (looked !== undefined && isUntouched(looked, stats)) return undefined;
    const problem = problemOf(path, this.#sessionId);
    if (problem !== undefined) return { kind: "lost", file: path, problem };
    const wasReplaced = (before: Stats) => before.ino !== stats.ino || stats.size <= before.size;
    if (looked !== undefined && wasReplaced(looked)) return CHANGED;
    const rested = this.#rested;
    if (rested !== undefined && !isUntouched(rested, stats) && wasReplaced(rested)) return CHANGED;
    const tail = await readWhole(path, before ?? FILE_START);
    if (tail.isCut) return CHANGED;
    const isGrown = before !== undefined && tail.ino === before.ino && tail.holdsMark;
    if (looked !== undefined && !isGrown) return CHANGED;
    // An agent that has just read the file may have written it anew, in the format of today.
    const added = isGrown ? tail : readTail(path, FILE_START);
    if (!(await isAgents(agent, added, isGrown ? before.lastId : null))) return CHANGED;
    if (!isGrown && (await entriesSince(agent, added.lastId)).length > 0) return CHANGED;
    if (this.#path === path) {
      this.#known = added;
      this.#looked = added.offset === stats.size ? stats : undefined;
      if (this.#rested === rested) this.#rested = undefined;
      this.#isExpected = true;
      this.#unchecked = false;
    }
    return undefined;
  }
}

/** Whether the agent knows all that was added behind an entry. */
async function isAgents(agent: Asked, added: Tail, since: string | null): Promise<boolean> {
  if (added.isChain && added.lastId === since) return true;
  if (added.isChain && added.lastId !== null && (await knows(agent, added.lastId))) return true;
  const known = new Set(await entriesSince(agent, since));
  return added.ids.every((id) => known.has(id));
}

/** What stands behind a mark, when a line that is just being written is whole. */
async function readWhole(path: string, from: Omit<FileMark, "ino">): Promise<Tail> {
  const tail = readTail(path, from);
  if (!tail.isCut) return tail;
  await new Promise((resolve) => setTimeout(resolve, CUT_LINE_MS));
  return readTail(path, from);
}

async function knows(agent: Asked, entryId: string): Promise<boolean> {
  const command = { type: "get_entries", since: entryId };
  return (await agent.request(command, { timeoutMs: ASK_TIMEOUT_MS })).success;
}

/** The ids of what the agent has behind an entry, or of all where it doesn't know that. */
async function entriesSince(agent: Asked, since: string | null): Promise<string[]> {
  const ask = (command: { type: string; since?: string }) =>
    agent.request(command, { timeoutMs: ASK_TIMEOUT_MS });
  let answer = await ask({ type: "get_entries", ...(since === null ? {} : { since }) });
  // What was last read isn't in its session any more, or never was.
  if (!answer.success) answer = await ask({ type: "get_entries" });
  const { entries = [] } = (answer.data ?? {}) as { entries?: { id: string }[] };
  return entries.map(({ id }) => id);
}

function isOther(mark: FileMark, stats: Stats): boolean {
  return mark.ino !== stats.ino || mark.offset !== stats.size;
}

function isUntouched(before: Stats, now: Stats): boolean {
  const { ino, size, mtimeMs, ctimeMs } = before;
  return ino === now.ino && size === now.size && mtimeMs === now.mtimeMs && ctimeMs === now.ctimeMs;
}

/** Of the name itself: a link in the file's place is something else than the file. */
function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // Its directory can't be entered any more: pi says so when it writes.
    return undefined;
  }
}
