import { type Stats, statSync } from "node:fs";
import type { Agent } from "../agent/agent.ts";
import { type FileMark, markEnd, readTail } from "./files/tail.ts";

/** Both are answered from memory; longer means the agent is stuck, which others find out. */
const ASK_TIMEOUT_MS = 10_000;
/** pi writes a line at once. Longer within one is a writer that has died, or that isn't pi. */
const CUT_LINE_MS = 50;

type Asked = Pick<Agent, "request">;

/**
 * What stands in a session's file that its own agent hasn't written. The agent is asked: an entry that it doesn't
 * know was added by somebody else. As an agent's entry has only entries that the agent knows before it, and those
 * mostly stand before it in the file too, one small question about the last one is mostly enough. (Comparing sizes
 * after each of our own writes was rejected: what others write in the same moment would count as ours.)
 */
export class ForeignWrites {
  #path: string | undefined;
  /** All before it was written by our agent, or read by it. */
  #known: FileMark | undefined;
  /** The agent may have worked since. */
  #unchecked = false;
  /** Where the last turn began. */
  #turnFrom: FileMark | undefined;
  /** That turn has failed. */
  #isDoubted = false;
  #checking: Promise<unknown> = Promise.resolve();

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
    this.#unchecked = false;
    this.#isDoubted = false;
  }

  /** A turn runs: what it adds is taken for the agent's, should there be nobody left to ask. */
  working(): void {
    this.#unchecked = true;
    this.#turnFrom = this.#known;
  }

  /** The turn has failed: perhaps because the agent could not write, on a full disk. */
  failed(): void {
    this.#isDoubted = true;
  }

  /**
   * Whether the file isn't what the agent takes it for: somebody else has written to it since the agent read it, or
   * what the agent wrote in a turn that failed isn't there. One look at the file's size when nothing was added. False
   * when the agent can't be asked any more.
   */
  check(agent: Asked): Promise<boolean> {
    const check = this.#checking
      .then(async () => (await this.#check(agent)) || (await this.#lacks(agent)))
      .catch(() => false);
    this.#checking = check;
    return check;
  }

  /**
   * The file as our agents left it, once the agent has let go of it; to be called in that moment. What it writes
   * until it has ended counts as its own when nothing else was added.
   *
   * @returns gives what to remember, when the agent has ended
   */
  end(): () => { ino: number; size: number } | undefined {
    const path = this.#path;
    if (path === undefined) return () => undefined;
    const known = this.#knownAtEnd(path);
    const atEnd = statsOf(path);
    const isOurs = known !== undefined && atEnd !== undefined && !isOther(known, atEnd);
    return () => {
      const stats = isOurs ? statsOf(path) : undefined;
      if (stats !== undefined) return { ino: stats.ino, size: stats.size };
      return known && { ino: known.ino, size: known.offset };
    };
  }

  /** With what a turn has added of which the agent couldn't be asked. */
  #knownAtEnd(path: string): FileMark | undefined {
    if (!this.#unchecked || !this.#added(statsOf(path))) return this.#known;
    try {
      const tail = readTail(path, this.#known ?? START);
      return tail.isChain ? tail : this.#known;
    } catch {
      // Deleted in this moment: there is nothing to be remembered.
      return undefined;
    }
  }

  #added(stats: Stats | undefined): boolean {
    return stats !== undefined && (this.#known === undefined || isOther(this.#known, stats));
  }

  /**
   * Whether the agent has entries of a failed turn that never got into the file. What it writes next would follow
   * one of them, and whoever reads the file would find nothing before that.
   */
  async #lacks(agent: Asked): Promise<boolean> {
    const path = this.#path;
    // Without a file there is nothing to lose: pi writes it with the first answer.
    if (!this.#isDoubted || path === undefined || statsOf(path) === undefined) return false;
    const from = this.#turnFrom;
    const written = new Set(readTail(path, from ?? START).ids);
    const entries = await entriesSince(agent, from?.lastId ?? null);
    if (entries.some((id) => !written.has(id))) return true;
    this.#isDoubted = false;
    return false;
  }

  async #check(agent: Asked): Promise<boolean> {
    const path = this.#path;
    if (path === undefined || !this.#added(statsOf(path))) return false;
    const known = this.#known;
    let tail = readTail(path, known ?? START);
    if (tail.isCut) {
      await new Promise((resolve) => setTimeout(resolve, CUT_LINE_MS));
      tail = readTail(path, known ?? START);
      if (tail.isCut) return true;
    }
    const isLonger =
      known === undefined ||
      (tail.ino === known.ino && tail.isAfterLine && statSync(path).size >= known.offset);
    if (!isLonger) tail = readTail(path, START);
    const isOurs =
      (isLonger && tail.isChain && (tail.lastId === null || (await knows(agent, tail.lastId)))) ||
      (await knowsAll(agent, isLonger ? (known?.lastId ?? null) : null, tail.ids));
    if (!isOurs) return true;
    if (this.#path === path) {
      this.#known = tail;
      this.#unchecked = false;
    }
    return false;
  }
}

const START = { offset: 0, lastId: null };

async function knows(agent: Asked, entryId: string): Promise<boolean> {
  const command = { type: "get_entries", since: entryId };
  return (await agent.request(command, { timeoutMs: ASK_TIMEOUT_MS })).success;
}

async function knowsAll(agent: Asked, since: string | null, ids: readonly string[]): Promise<boolean> {
  const known = new Set(await entriesSince(agent, since));
  return ids.every((id) => known.has(id));
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

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Its directory can't be entered any more: pi says so when it writes.
    return undefined;
  }
}
