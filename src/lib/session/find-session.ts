import { ambiguous, type Candidate, SHOWN_ID_LENGTH } from "../core/ambiguous-session.ts";
import { type AgentPlacesOf, nearestRepositoryRoot, repositoryRoot } from "../core/paths.ts";
import { realPath } from "../core/real-path.ts";
import { listSessionFiles, type SessionFile } from "../core/session-files/locate.ts";
import { normalName } from "../core/session-name.ts";
import type { SessionSummary } from "./files/summary.ts";
import type { Summaries } from "./listing.ts";
import type { Session } from "./session.ts";

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
  agentPlaces: AgentPlacesOf;
}

/** pi's directories, as the caller's environment has them. */
export interface PiPlace {
  agentDir: string;
  sessionDir?: string;
}

interface Found extends Candidate {
  agentDir: string;
  /** Absent for one that pictl knows. */
  file?: SessionFile;
}

/** Finds the session that an id, the beginning of one, or a name means. A name belongs to a repository. */
export class SessionFinder {
  readonly #hooks: FinderHooks;

  constructor(hooks: FinderHooks) {
    this.#hooks = hooks;
  }

  /**
   * An id comes first, then a name in the repository of `cwd`, then eight or more characters of an id. Fewer
   * characters and the names of other directories must fit one session among them.
   *
   * @param cwd the caller's directory; absent: no name comes before another
   * @param placeOf reads files, and is mostly not needed
   * @returns with `elsewhere` for another directory's session that was given by its name
   * @throws PictlError SESSION_AMBIGUOUS with the candidates
   */
  find(
    reference: string,
    cwd: string | undefined,
    placeOf: () => PiPlace,
  ): { session: Session; elsewhere: boolean } | undefined {
    const exact = this.#byWholeId(reference);
    if (exact !== undefined) return { session: exact, elsewhere: false };
    const place = placeOf();
    const here = cwd === undefined ? [] : this.#namedHere(reference, cwd, place);
    if (here.length > 0) return this.#only(reference, here, false);
    const byId = this.#byId(reference, place);
    const own = byId.filter(({ id }) => id.toLowerCase() === reference.toLowerCase());
    if (own.length > 0) return this.#only(reference, own, false);
    if (byId.length > 0 && reference.length >= SHOWN_ID_LENGTH) return this.#only(reference, byId, false);
    const { files } = listSessionFiles(place);
    const named = this.#named(reference, place, files);
    // A file that was given another name is known by its header alone.
    const found = byId.length + named.length === 0 ? this.#written(files, reference, place) : named;
    return this.#only(
      reference,
      [...byId, ...found],
      cwd !== undefined && byId.length === 0 && named.length > 0,
    );
  }

  /** The sessions of the repository of `cwd` that have this name. */
  namedHere(name: string, cwd: string, place: PiPlace): Candidate[] {
    return this.#namedHere(name, cwd, place).map(withoutFile);
  }

  /** The sessions that a word means beyond doubt: by their id as it is shown, or by their name here. */
  meant(word: string, cwd: string, place: PiPlace): Candidate[] {
    const exact = this.#byWholeId(word);
    const byId = exact !== undefined || word.length < SHOWN_ID_LENGTH ? [] : this.#byId(word, place);
    const found = [...(exact === undefined ? [] : [this.#known(exact)]), ...byId];
    return distinct([...found, ...this.#namedHere(word, cwd, place)]).map(withoutFile);
  }

  /** The repository in which the name of a session of this directory is looked for. */
  repositoryOf(cwd: string): string {
    return repositoryRoot(realPath(cwd), this.#hooks.agentPlaces);
  }

  /** Where an agent may have made a repository in this one, both are looked in: its own sessions come first. */
  #namedHere(name: string, cwd: string, place: PiPlace): Found[] {
    const root = this.repositoryOf(cwd);
    const { files } = listSessionFiles({ ...place, below: root });
    const found = this.#named(name, place, files).filter(
      (each) => each.agentDir === place.agentDir && this.repositoryOf(each.cwd) === root,
    );
    const nearest = nearestRepositoryRoot(realPath(cwd));
    const nearer = found.filter((each) => nearestRepositoryRoot(realPath(each.cwd)) === nearest);
    return nearer.length > 0 ? nearer : found;
  }

  #named(reference: string, { agentDir }: PiPlace, files: readonly SessionFile[]): Found[] {
    const { all, present, nameOf, summaries } = this.#hooks;
    const name = normalName(reference);
    const isName = (other: string | undefined) => other !== undefined && normalName(other) === name;
    const known = all().filter(
      (session) => isName(session.record.name) && present(session) !== undefined && isName(nameOf(session)),
    );
    const written = files.flatMap((file) => {
      const summary = summaries.of(file);
      return summary !== undefined && isName(summary.name) ? foundIn(file, summary, agentDir) : [];
    });
    summaries.save();
    return distinct([...known.map((session) => this.#known(session)), ...written]);
  }

  #byId(reference: string, place: PiPlace): Found[] {
    const { all, present } = this.#hooks;
    const known = all().filter(({ id }) => beginsWith(id, reference));
    // Only what fits is looked for on disk: there may be thousands of others.
    const { files } = listSessionFiles({ ...place, idPrefix: reference });
    return distinct([
      ...known.filter((session) => present(session) !== undefined).map((session) => this.#known(session)),
      ...this.#written(files, reference, place),
    ]);
  }

  /** Ids are compared without regard to case, after the exact one. */
  #byWholeId(reference: string): Session | undefined {
    const { all, get, present } = this.#hooks;
    const isMeant = ({ id }: Session) => id.toLowerCase() === reference.toLowerCase();
    return present(get(reference) ?? all().find(isMeant));
  }

  /** The files whose header has such an id: their names may say more, as those of copies do. */
  #written(files: readonly SessionFile[], reference: string, { agentDir }: PiPlace): Found[] {
    return files.flatMap((file) => {
      const summary = this.#hooks.summaries.of(file);
      return summary !== undefined && beginsWith(summary.id, reference)
        ? foundIn(file, summary, agentDir)
        : [];
    });
  }

  #known({ record }: Session): Found {
    const { id, name, cwd, agentDir, usedAt } = record;
    return { id, ...(name === undefined ? {} : { name }), cwd, agentDir, modifiedAt: usedAt };
  }

  #only(
    reference: string,
    candidates: readonly Found[],
    elsewhere: boolean,
  ): { session: Session; elsewhere: boolean } | undefined {
    const found = distinct(candidates);
    const [only] = found;
    if (only === undefined) return undefined;
    if (found.length > 1) throw ambiguous(reference, found.map(withoutFile));
    const session = this.#hooks.get(only.id) ?? this.#takeIn(only.file);
    return session && { session, elsewhere };
  }

  #takeIn(file: SessionFile | undefined): Session | undefined {
    const summary = file && this.#hooks.summaries.of(file);
    return file === undefined || summary === undefined ? undefined : this.#hooks.takeIn(file, summary);
  }
}

function foundIn(file: SessionFile, summary: SessionSummary, agentDir: string): Found {
  const { id, name, cwd, modifiedAt } = summary;
  return { id, ...(name === undefined ? {} : { name }), cwd, agentDir, modifiedAt, file };
}

function beginsWith(id: string, reference: string): boolean {
  return id.toLowerCase().startsWith(reference.toLowerCase());
}

/** The first of each id: what pictl knows comes before what is only on disk. */
function distinct(found: readonly Found[]): Found[] {
  return [...new Map(found.toReversed().map((each) => [each.id, each])).values()].toReversed();
}

function withoutFile({ id, name, cwd, modifiedAt }: Found): Candidate {
  return { id, ...(name === undefined ? {} : { name }), cwd, modifiedAt };
}
