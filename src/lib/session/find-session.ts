import { PictlError } from "../core/errors.ts";
import { listSessionFiles, type SessionFile } from "../core/session-files/locate.ts";
import type { SessionSummary } from "./files/summary.ts";
import type { Summaries } from "./listing.ts";
import type { Session } from "./session.ts";

/** Candidates named when a prefix or a name fits more than one session. */
const MAX_CANDIDATES = 10;

/** Where sessions are looked for. */
export interface FinderHooks {
  summaries: Summaries;
  /** Those that pictl knows. */
  all: () => Session[];
  get: (id: string) => Session | undefined;
  /** The session, unless somebody has deleted its file. */
  present: (session: Session | undefined) => Session | undefined;
  /** What it is called, by pi's file. */
  nameOf: (session: Session) => string | undefined;
  /** Makes a session that pi wrote by itself one of ours. */
  takeIn: (file: SessionFile, summary: SessionSummary) => Session;
}

/** Finds the session that an id, the beginning of one, or a name means. */
export class SessionFinder {
  readonly #hooks: FinderHooks;

  constructor(hooks: FinderHooks) {
    this.#hooks = hooks;
  }

  /**
   * @param placeOf pi's directories, as the caller's environment has them; reads files, and is mostly not needed
   * @throws PictlError SESSION_AMBIGUOUS with the candidates
   */
  find(reference: string, placeOf: () => { agentDir: string; sessionDir?: string }): Session | undefined {
    const { all, get, present, nameOf, summaries } = this.#hooks;
    const exact = present(get(reference));
    if (exact !== undefined) return exact;
    // Only what fits is looked for on disk: there may be thousands of others.
    const known = (fits: (session: Session) => boolean) =>
      all().filter((session) => fits(session) && present(session) !== undefined);
    const isNamed = (session: Session) => session.record.name === reference && nameOf(session) === reference;
    const named = known(isNamed).map(({ id }) => id);
    if (named.length > 0) return this.#only(reference, named, []);
    const place = placeOf();
    const { files: fitting } = listSessionFiles({ ...place, idPrefix: reference });
    const ids = [...known(({ id }) => id.startsWith(reference)), ...fitting].map(({ id }) => id);
    if (ids.includes(reference)) return this.#only(reference, [reference], fitting);
    if (ids.length > 0) return this.#only(reference, ids, fitting);
    const { files } = listSessionFiles(place);
    const namedByPi = files.filter((file) => summaries.of(file)?.name === reference);
    summaries.save();
    return this.#only(
      reference,
      namedByPi.map((file) => file.id),
      files,
    );
  }

  #only(reference: string, ids: readonly string[], files: readonly SessionFile[]): Session | undefined {
    const candidates = [...new Set(ids)];
    const [id] = candidates;
    if (id === undefined) return undefined;
    if (candidates.length === 1)
      return this.#hooks.get(id) ?? this.#takeIn(files.find((file) => file.id === id));
    throw new PictlError("SESSION_AMBIGUOUS", `"${reference}" fits ${candidates.length} sessions.`, {
      hint: `Give more of the id: ${candidates.slice(0, MAX_CANDIDATES).join(", ")}`,
      details: {
        session: reference,
        candidates: candidates.slice(0, MAX_CANDIDATES).map((each) => this.#candidate(each, files)),
      },
    });
  }

  #candidate(id: string, files: readonly SessionFile[]): { id: string; name?: string; cwd?: string } {
    const known = this.#hooks.get(id)?.record;
    const file = files.find((each) => each.id === id);
    const { name, cwd } = known ?? (file && this.#hooks.summaries.of(file)) ?? {};
    return { id, ...(name === undefined ? {} : { name }), ...(cwd === undefined ? {} : { cwd }) };
  }

  #takeIn(file: SessionFile | undefined): Session | undefined {
    const summary = file && this.#hooks.summaries.of(file);
    return file === undefined || summary === undefined ? undefined : this.#hooks.takeIn(file, summary);
  }
}
