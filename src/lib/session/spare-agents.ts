import type { Agent } from "../agent/agent.ts";
import type { AgentKind } from "./agent-kind.ts";

/** An agent that belongs to no session and can take one over. */
export interface Spare {
  agent: Agent;
  kind: AgentKind;
  /** `provider/id` that it has come up with, of a kind that names one. */
  model?: string | undefined;
  /** Where its process was started: it moves, but the process stays. */
  cwd: string;
}

/** What a session needs of a spare. */
export interface SpareWanted {
  key: string;
  cwd: string;
  /** As the session's file has them; absent: unknown. */
  model?: string | undefined;
  thinking?: string | undefined;
}

/**
 * Whether an agent that was started as `spare` is then, with another session, as one that is started for it.
 * pi goes back to the model and level of its command line with every session it opens, so those must be the
 * session's own.
 */
export function fits({ kind, model }: Pick<Spare, "kind" | "model">, wanted: SpareWanted): boolean {
  if (kind.key !== wanted.key) return false;
  if (kind.model !== undefined && (model === undefined || model !== wanted.model)) return false;
  return kind.thinking === undefined || kind.thinking === wanted.thinking;
}

/** The spares, the longest kept first. Which of them run, and what they cost, is the pool's to know. */
export class SpareAgents {
  readonly #max: number;
  readonly #maxAgeMs: number;
  readonly #onTooMuch: (spare: Spare) => void;
  readonly #kept = new Map<Spare, NodeJS.Timeout>();

  /**
   * @param max how many are kept; 0: none
   * @param maxAgeMs how long one is kept
   * @param onTooMuch ends one that is too old, or one too many
   */
  constructor(max: number, maxAgeMs: number, onTooMuch: (spare: Spare) => void) {
    this.#max = max;
    this.#maxAgeMs = maxAgeMs;
    this.#onTooMuch = onTooMuch;
  }

  get pids(): number[] {
    return [...this.#kept.keys()].map(({ agent }) => agent.pid);
  }

  /** Whether any are kept at all. */
  get areKept(): boolean {
    return this.#max > 0;
  }

  get hasRoom(): boolean {
    return this.#kept.size < this.#max;
  }

  /** Keeps one; the one that was kept longest goes when they are too many. */
  add(spare: Spare): void {
    const timer = setTimeout(() => {
      this.remove(spare);
      this.#onTooMuch(spare);
    }, this.#maxAgeMs);
    timer.unref();
    this.#kept.set(spare, timer);
    while (this.#kept.size > this.#max) {
      const oldest = this.takeOldest();
      if (oldest !== undefined) this.#onTooMuch(oldest);
    }
  }

  /** Takes out one that fits, best of the same directory: what reads the process's own finds it there. */
  claim(wanted: SpareWanted): Spare | undefined {
    const fitting = [...this.#kept.keys()].filter(
      (spare) => fits(spare, wanted) && !spare.agent.hasEnded && !spare.agent.isExposed,
    );
    const chosen = fitting.findLast(({ cwd }) => cwd === wanted.cwd) ?? fitting.at(-1);
    if (chosen !== undefined) this.remove(chosen);
    return chosen;
  }

  has(wanted: SpareWanted): boolean {
    return [...this.#kept.keys()].some((spare) => fits(spare, wanted));
  }

  /** Takes out those that can only serve the session of this directory. */
  takeOf(sessionDir: string): Spare[] {
    const found = [...this.#kept.keys()].filter(({ agent }) => agent.sandbox?.sessionDir === sessionDir);
    for (const spare of found) this.remove(spare);
    return found;
  }

  takeOldest(): Spare | undefined {
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.remove(oldest);
    return oldest;
  }

  remove(spare: Spare): void {
    clearTimeout(this.#kept.get(spare));
    this.#kept.delete(spare);
  }
}
