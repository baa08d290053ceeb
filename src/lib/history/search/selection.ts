import { basename } from "node:path";
import { ambiguous, type Candidate, SHOWN_ID_LENGTH } from "../../core/ambiguous-session.ts";
import { PictlError } from "../../core/errors.ts";
import { normalName } from "../../core/session-name.ts";
import type { Directories } from "../exclusion.ts";
import { isBelow } from "../files/roots.ts";
import type { FileState } from "../index/file-state.ts";
import type { FileRow, HistoryIndex } from "../index/history-index.ts";
import { KINDS, kindNumber, ROLES, TOOL_KINDS } from "../kinds.ts";
import type { Filters, Scope } from "../types.ts";

/** Which files and documents a request is about, as quick answers to be asked of hundreds of thousands. */
export interface Selection {
  files: ReadonlyMap<number, FileRow>;
  /** Whether a document passes. */
  allows(id: number): boolean;
  /** Those of the selected files that hold a document. */
  filesOf(id: number): number[];
  /** Whether a file, selected or not, lies where the request may look. */
  isInScope(file: FileRow): boolean;
}

/**
 * @throws PictlError SESSION_NOT_FOUND, SESSION_AMBIGUOUS
 */
export function select(
  index: HistoryIndex,
  directories: Directories,
  { roots }: Scope,
  filters: Filters,
): Selection {
  const files = selectFiles(index, directories, roots, filters);
  const { columns } = index;
  const isFile = new Uint8Array(Math.max(0, ...index.files.keys()) + 1);
  for (const id of files.keys()) isFile[id] = 1;
  const isKind = kindsOf(filters);
  const tools = namesLike(index, filters.tool, (name, wanted) => name === wanted);
  const models = namesLike(index, filters.model, (name, wanted) =>
    name.toLowerCase().includes(wanted.toLowerCase()),
  );
  const { from, to } = secondsOf(filters);
  const { copies, kind, time, tool, model, file } = columns;
  const filesOf = (id: number): number[] =>
    [file[id] ?? 0, ...(copies.get(id) ?? [])].filter((one) => isFile[one] === 1);
  // Asked of every document that has a word: nothing but look-ups.
  const allows = (id: number): boolean => {
    if (isKind[kind[id] ?? 0] !== 1) return false;
    const at = time[id] ?? 0;
    if (at < from || at > to) return false;
    if (tools !== undefined && !tools.has(tool[id] ?? 0)) return false;
    if (models !== undefined && !models.has(model[id] ?? 0)) return false;
    return isFile[file[id] ?? 0] === 1 || (copies.size > 0 && filesOf(id).length > 0);
  };
  const isInScope = ({ path, problem }: FileRow) => problem === undefined && isBelow(path, roots);
  return { files, allows, filesOf, isInScope };
}

/** From which second to which, both included: the index has no parts of seconds. */
export function secondsOf({ since = 0, until = Number.POSITIVE_INFINITY }: Filters): {
  from: number;
  to: number;
} {
  return { from: Math.floor(since / 1000), to: Math.floor(until / 1000) };
}

/** The session files that a request is about, with what is known of them. */
export function selectFiles(
  index: HistoryIndex,
  directories: Directories,
  roots: Scope["roots"],
  { projectOf, project, cwd, session, near }: Filters,
): Map<number, FileRow> {
  const wanted = projectOf === undefined ? undefined : directories.project(projectOf);
  const files = new Map<number, FileRow>();
  for (const row of index.files.values()) {
    const { state } = row;
    if (state === undefined || row.problem !== undefined || !isBelow(row.path, roots)) continue;
    if (cwd !== undefined && state.cwd !== cwd) continue;
    const own = wanted === undefined && project === undefined ? "" : directories.project(state.cwd);
    if (wanted !== undefined && own !== wanted) continue;
    if (project !== undefined && own !== project && basename(own) !== project) continue;
    files.set(row.id, row);
  }
  if (session === undefined) return files;
  const own = near === undefined ? undefined : directories.project(near);
  return onlySession(files, session, ({ cwd }) => own !== undefined && directories.project(cwd) === own);
}

/**
 * Those of one session, found as {@link SessionFinder.find} does.
 *
 * @param isHere whether the session belongs to the project whose names come first
 * @throws PictlError SESSION_NOT_FOUND, SESSION_AMBIGUOUS
 */
export function onlySession(
  files: ReadonlyMap<number, FileRow>,
  reference: string,
  isHere: (state: FileState) => boolean = () => false,
): Map<number, FileRow> {
  const rows = [...files.values()];
  const name = normalName(reference);
  const having = (fits: (state: FileState) => boolean) =>
    rows.filter(({ state }) => state !== undefined && fits(state));
  const isNamed = (state: FileState) => state.name !== undefined && normalName(state.name) === name;
  const begins = ({ session }: FileState) => session.startsWith(reference);
  const fitting = [
    having(({ session }) => session === reference),
    having((state) => isNamed(state) && isHere(state)),
    reference.length < SHOWN_ID_LENGTH ? [] : having(begins),
    having((state) => begins(state) || isNamed(state)),
  ].find((some) => some.length > 0);
  const candidates = new Map(
    fitting?.flatMap(({ state }) => (state ? [[state.session, candidate(state)]] : [])),
  );
  if (fitting === undefined) {
    throw new PictlError("SESSION_NOT_FOUND", `There is no session "${reference}" in the history.`, {
      hint: "See `pictl history list --all` for ids and names.",
      details: { session: reference },
    });
  }
  if (candidates.size > 1) throw ambiguous(reference, [...candidates.values()]);
  return new Map(fitting.map((row) => [row.id, row]));
}

function candidate({ session, name, cwd, modifiedAt }: FileState): Candidate {
  return { id: session, ...(name === undefined ? {} : { name }), cwd, modifiedAt };
}

/** By the number of a kind and one more, as {@link Columns} has it. */
function kindsOf({ role, noTools, includeThinking }: Filters): Uint8Array {
  const kinds = new Set(role === undefined ? KINDS : (ROLES[role] ?? []));
  if (!includeThinking && role !== "thinking") kinds.delete("thinking");
  if (noTools) for (const kind of TOOL_KINDS) kinds.delete(kind);
  const flags = new Uint8Array(KINDS.length + 1);
  for (const kind of kinds) flags[kindNumber(kind) + 1] = 1;
  return flags;
}

function namesLike(
  { db }: HistoryIndex,
  wanted: string | undefined,
  fits: (name: string, wanted: string) => boolean,
): Set<number> | undefined {
  if (wanted === undefined) return undefined;
  const names = db.sql("SELECT id, name FROM names").all() as { id: number; name: string }[];
  return new Set(names.filter(({ name }) => fits(name, wanted)).map(({ id }) => id));
}
