import { type AgentPlacesOf, workspaceDirectories } from "../core/paths.ts";
import { realPath } from "../core/real-path.ts";
import type { Registry } from "./registry.ts";
import type { RetriedWrites } from "./retried-writes.ts";
import type { Session } from "./session.ts";

/** Which session a directory means when none is named: for each of pi's own directories another one. */
export class CurrentSessions {
  readonly #registry: Registry;
  readonly #writes: RetriedWrites;
  readonly #get: (id: string) => Session | undefined;
  readonly #placesOf: AgentPlacesOf;
  /** Sessions whose first prompt isn't accepted yet, by their place: another prompt there must not make a second one. */
  readonly #becoming = new Map<string, Session>();

  /** Those that could not be written down yet, by their place. */
  readonly #unsaved = new Map<string, string>();

  /** @param get the session with this id, unless it is gone */
  constructor(
    registry: Registry,
    writes: RetriedWrites,
    get: (id: string) => Session | undefined,
    placesOf: AgentPlacesOf,
  ) {
    this.#registry = registry;
    this.#writes = writes;
    this.#get = get;
    this.#placesOf = placesOf;
  }

  /** Makes a session the current one of its directory. */
  makeCurrent({ record }: Session): void {
    const { agentDir, cwd, id } = record;
    const place = placeKey(agentDir, cwd);
    this.#unsaved.set(place, id);
    this.#writes.write(`current session of ${cwd} (${agentDir})`, () => {
      this.#registry.setCurrent(agentDir, cwd, id);
      this.#unsaved.delete(place);
    });
  }

  isCurrent({ record }: Session): boolean {
    return this.#currentId(record.agentDir, record.cwd) === record.id;
  }

  /**
   * Lets a new session answer for its directory while `first`, its first prompt, is not accepted yet. It becomes
   * the current one only with that: a prompt that fails must not take the place of the session before it.
   */
  async whileBecomingCurrent(session: Session, first: () => Promise<void>): Promise<void> {
    const place = placeKey(session.record.agentDir, session.record.cwd);
    this.#becoming.set(place, session);
    try {
      await first();
    } finally {
      if (this.#becoming.get(place) === session) this.#becoming.delete(place);
    }
  }

  /** The current session of a directory, looked for up to the repository root; undefined when there is none. */
  current(cwd: string, agentDir: string): Session | undefined {
    for (const dir of workspaceDirectories(realPath(cwd), this.#placesOf)) {
      const becoming = this.#becoming.get(placeKey(agentDir, dir));
      if (becoming !== undefined) return becoming;
      const id = this.#currentId(agentDir, dir);
      const session = id === undefined ? undefined : this.#get(id);
      if (session !== undefined) return session;
    }
    return undefined;
  }

  #currentId(agentDir: string, cwd: string): string | undefined {
    return this.#unsaved.get(placeKey(agentDir, cwd)) ?? this.#registry.getCurrent(agentDir, cwd);
  }
}

function placeKey(agentDir: string, cwd: string): string {
  return `${agentDir}\0${cwd}`;
}
