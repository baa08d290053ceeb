import type { Candidate } from "../core/ambiguous-session.ts";
import { PictlError } from "../core/errors.ts";
import { checkName, normalName } from "../core/session-name.ts";
import { shellQuote } from "../core/shell-quote.ts";
import type { PiPlace, SessionFinder } from "./find-session.ts";

/** A name that nobody else is given until it is released. */
export interface ReservedName {
  /** As it is to be stored. */
  name: string;
  release: () => void;
}

/** Keeps names unique in each repository. What pi's own interface names is taken as it is. */
export class SessionNames {
  readonly #finder: SessionFinder;
  /** Names that sessions are just being given, with their repository and pi's directory. */
  readonly #reserved = new Set<string>();

  constructor(finder: SessionFinder) {
    this.#finder = finder;
  }

  /**
   * Checks a name for a session of the directory `cwd`. A new session that is added before anything is awaited needs no
   * {@link reserve}.
   *
   * @param own id of the session that is to have it, where there is one already
   * @returns the name as it is to be stored
   * @throws PictlError NAME_TAKEN, INVALID_INPUT
   */
  check(given: string, { cwd }: { cwd: string }, place: PiPlace, own?: string): string {
    const name = checkName(given);
    const others = this.#finder.meant(name, cwd, place).filter(({ id }) => id !== own);
    const namesake = others.find((other) => other.name !== undefined && normalName(other.name) === name);
    if (namesake !== undefined) throw taken(name, namesake);
    const [other] = others;
    if (other !== undefined) throw readsAsId(name, other);
    if (this.#reserved.has(this.#keyOf(name, cwd, place))) throw taken(name);
    return name;
  }

  /**
   * Checks a name and keeps it for a session that takes time to be given it.
   *
   * @throws PictlError NAME_TAKEN, INVALID_INPUT
   */
  reserve(given: string, { cwd }: { cwd: string }, place: PiPlace, own?: string): ReservedName {
    return this.#keep(this.check(given, { cwd }, place, own), cwd, place);
  }

  /** Keeps the first name that is free, counted from 1. Names that pictl makes up are valid where their stem is. */
  reserveFree(nth: (count: number) => string, { cwd }: { cwd: string }, place: PiPlace): ReservedName {
    for (let count = 1; ; count++) {
      const name = normalName(nth(count));
      const isTaken = this.#finder.namedHere(name, cwd, place).length > 0;
      if (!isTaken && !this.#reserved.has(this.#keyOf(name, cwd, place))) return this.#keep(name, cwd, place);
    }
  }

  #keep(name: string, cwd: string, place: PiPlace): ReservedName {
    const key = this.#keyOf(name, cwd, place);
    this.#reserved.add(key);
    return { name, release: () => this.#reserved.delete(key) };
  }

  #keyOf(name: string, cwd: string, { agentDir }: PiPlace): string {
    return [agentDir, this.#finder.repositoryOf(cwd), name].join("\0");
  }
}

/** @param by absent: a session that is just being made or renamed */
function taken(name: string, by?: Candidate): PictlError {
  const message =
    by === undefined
      ? `Another session here is just being named "${name}".`
      : `Session ${by.id} of ${by.cwd} has the name "${name}" already.`;
  const word = shellQuote(name);
  return new PictlError("NAME_TAKEN", message, {
    hint: `Use it with -s ${word}, or run \`pictl session ensure ${word}\`, which creates the session or finds it. Or choose another name.`,
    details: { name, ...(by === undefined ? {} : { sessionId: by.id, cwd: by.cwd }) },
  });
}

function readsAsId(name: string, { id }: Candidate): PictlError {
  return new PictlError("INVALID_INPUT", `"${name}" can't be a name: it is the id of session ${id}.`, {
    hint: "Choose another name. To use that session, give it with -s.",
    details: { name, sessionId: id },
  });
}
