import { basename, dirname, join } from "node:path";
import { PictlError } from "../core/errors.ts";
import { agentPlaces } from "../core/outside/agent-places.ts";
import { createRedactor } from "../core/redact.ts";
import { Directories, namedIn } from "./exclusion.ts";
import { Forgotten } from "./forgotten.ts";
import { isDamage, toIndexError } from "./index/database.ts";
import { type FileRow, HistoryIndex } from "./index/history-index.ts";
import { listSessions, stats, status } from "./overview.ts";
import { compileQuery } from "./query/compile.ts";
import { parseQuery } from "./query/parse.ts";
import { scan } from "./search/scan.ts";
import { search } from "./search/search.ts";
import { onlySession, selectFiles } from "./search/selection.ts";
import { showSession } from "./show.ts";
import { Fold } from "./text/fold.ts";
import type {
  Filters,
  HistoryStatus,
  IndexNotice,
  ListedSession,
  Scope,
  SearchParams,
  SearchResult,
  ShownPart,
  StatsBy,
  StatsDays,
  StatsRow,
} from "./types.ts";

/** A search answers from what it has after this long: a first index of a gigabyte takes some 20 s. */
const DEFAULT_WAIT_MS = 1_000;

/** Long enough for what a turn has added; who asks how far a first index is doesn't want to wait for it. */
const STATUS_WAIT_MS = 200;

interface Masked {
  showSecrets?: boolean | undefined;
}

/** What each operation takes and gives. The worker's messages are made of these names. */
export interface Operations {
  search: { params: SearchParams; result: SearchResult };
  list: {
    params: Filters & Masked & { limit?: number | undefined };
    result: { sessions: ListedSession[]; total: number; index: IndexNotice };
  };
  /** Which session an id, the beginning of one, or a name means. */
  resolve: {
    params: Filters & { session: string; waitMs?: number | undefined };
    /** `elsewhere`: given by its name, and not of the project of `near`. */
    result: { sessionId: string; cwd: string; elsewhere: boolean };
  };
  show: {
    params: Filters & Masked & { session: string; at?: string | undefined; context?: number | undefined };
    result: { session: ListedSession; entries: ShownPart[]; truncated: boolean };
  };
  stats: {
    params: Filters & { by: StatsBy };
    result: { by: StatsBy; rows: StatsRow[]; days?: StatsDays; index: IndexNotice };
  };
  status: { params: object; result: HistoryStatus };
  reindex: {
    params: { session?: string | undefined; wait?: boolean | undefined };
    result: { files: number; index: IndexNotice };
  };
  forget: {
    params: {
      session?: string | undefined;
      project?: string | undefined;
      undo?: boolean | undefined;
    };
    result: { sessions: { sessionId: string; sessionName?: string; file: string }[] };
  };
}
export type OperationName = keyof Operations;

/**
 * Everything that the history answers, on one index. Made for a thread of its own: indexing and searching block.
 */
export class HistoryService {
  readonly #index: HistoryIndex;
  readonly #directories: Directories;
  readonly #forgotten: Forgotten;
  /** Files of sessions that their workspaces have kept out. */
  readonly #keptOut = new Set<string>();
  readonly #agentPlaces: () => string[];

  /**
   * @param options `agentPlaces`: the file that names where sandboxed agents can write; without it, nowhere
   * @throws PictlError STORAGE_UNAVAILABLE
   */
  constructor(path: string, options: { commitMs?: number; agentPlaces?: string | undefined } = {}) {
    this.#agentPlaces = () => (options.agentPlaces === undefined ? [] : agentPlaces(options.agentPlaces));
    this.#directories = new Directories(this.#agentPlaces);
    this.#index = new HistoryIndex(path, new Fold(), options.commitMs);
    this.#forgotten = new Forgotten(join(dirname(path), "history-forgotten.json"));
  }

  get isIndexing(): boolean {
    return this.#index.progress.running;
  }

  close(): void {
    this.#index.close();
  }

  /** Answers; an index that turns out to be damaged is made anew, and the answer comes from that. */
  async run<N extends OperationName>(
    name: N,
    scope: Scope,
    params: Operations[N]["params"],
  ): Promise<Operations[N]["result"]> {
    const operation = this.#operations[name] as (
      scope: Scope,
      params: Operations[N]["params"],
    ) => Promise<Operations[N]["result"]>;
    try {
      return await operation(scope, params);
    } catch (error) {
      if (!isDamage(error)) throw toIndexError(error, this.#index.db.path);
      this.#index.remake();
      return await operation(scope, params);
    }
  }

  readonly #operations: {
    [N in OperationName]: (scope: Scope, params: Operations[N]["params"]) => Promise<Operations[N]["result"]>;
  } = {
    search: async (scope, params) => {
      const index = await this.#catchUp(scope, params.waitMs);
      const { match, verify } = compileQuery(parseQuery(params.query, this.#index.fold));
      // The index has no punctuation: for nothing else, every text would have to be looked at anyway.
      const byScan = params.regex || params.deep || (match === undefined && verify);
      const found = byScan
        ? await scan(this.#index, this.#directories, scope, params, this.#agentPlaces())
        : await search(this.#index, this.#directories, scope, params);
      return { ...found, index };
    },

    list: async (scope, params) => {
      const index = await this.#catchUp(scope);
      const all = listSessions(this.#index, this.#directories, scope, params, maskOf(params));
      return { sessions: all.slice(0, params.limit), total: all.length, index };
    },

    resolve: async (scope, params) => {
      await this.#catchUp(scope, params.waitMs);
      const { session, near } = params;
      const [row] = selectFiles(this.#index, this.#directories, scope.roots, params).values();
      if (row?.state === undefined) throw noSession(session);
      const { session: sessionId, cwd } = row.state;
      const isElsewhere =
        near !== undefined && this.#directories.project(cwd) !== this.#directories.project(near);
      return { sessionId, cwd, elsewhere: isElsewhere && !sessionId.startsWith(session) };
    },

    show: async (scope, params) => {
      await this.#catchUp(scope);
      const filters = { session: params.session };
      const row = selectFiles(this.#index, this.#directories, scope.roots, filters).values().next().value;
      const mask = maskOf(params);
      const [session] = listSessions(this.#index, this.#directories, scope, filters, mask);
      if (row === undefined || session === undefined) throw noSession(params.session);
      const { parts, truncated } = showSession(row, { ...params, mask });
      return { session, entries: parts, truncated };
    },

    stats: async (scope, params) => {
      const index = await this.#catchUp(scope);
      return { by: params.by, ...stats(this.#index, this.#directories, scope, params), index };
    },

    status: async (scope) => {
      const index = await this.#catchUp(scope, STATUS_WAIT_MS);
      return status(this.#index, this.#directories, scope, this.#forgotten.size, index);
    },

    reindex: async (scope, { session, wait }) => {
      await this.#catchUp(scope, 0);
      if (session === undefined) this.#index.remake();
      else {
        for (const row of selectFiles(this.#index, this.#directories, scope.roots, { session }).values())
          this.#index.reread(row);
      }
      const index = await this.#catchUp(scope, wait ? Number.POSITIVE_INFINITY : 0);
      return { files: this.#index.files.size, index };
    },

    forget: async (scope, params) => {
      if (params.session === undefined && params.project === undefined)
        throw new PictlError("INVALID_INPUT", "Neither a session nor a project is named.");
      await this.#catchUp(scope);
      const rows = params.undo ? this.#forgottenRows(params) : this.#rowsToForget(scope, params);
      const ids = rows.flatMap(({ state }) => state?.session ?? []);
      // Nothing but the id is kept of what is forgotten: its name is known before that, and after it is read anew.
      const before = rows.flatMap(namedSession);
      if (params.undo) this.#forgotten.remove(ids);
      else this.#forgotten.add(ids);
      await this.#catchUp(scope);
      const sessions = params.undo ? rows.flatMap(namedSession) : before;
      return { sessions };
    },
  };

  /** Takes in what is new, for so long at most. */
  async #catchUp(scope: Scope, waitMs = DEFAULT_WAIT_MS): Promise<IndexNotice> {
    this.#directories.renew();
    for (const { problem, path } of this.#index.files.values())
      if (problem === "workspace") this.#keptOut.add(path);
    const isNamed = namedIn(scope.exclude, this.#directories);
    this.#index.refresh(scope.roots, ({ session, cwd, path }) => {
      if (this.#forgotten.has(session)) return "forgotten";
      if (isNamed({ cwd, path })) return "config";
      return this.#isKeptOut(cwd, path) ? "workspace" : undefined;
    });
    const complete = await this.#index.settle(waitMs);
    return complete ? { complete } : { complete, progress: this.#index.progress };
  }

  /** Who deletes a project doesn't take its no back: that holds until there is a directory that says otherwise. */
  #isKeptOut(cwd: string, path: string): boolean {
    if (this.#directories.optedOut(cwd)) return true;
    if (this.#directories.exists(cwd)) this.#keptOut.delete(path);
    return this.#keptOut.has(path);
  }

  #rowsToForget(scope: Scope, { session, project }: Operations["forget"]["params"]): FileRow[] {
    const filters = { session, project };
    const rows = [...selectFiles(this.#index, this.#directories, scope.roots, filters).values()];
    if (rows.length === 0 && project !== undefined) throw noSessionOf(project);
    return rows;
  }

  #forgottenRows({ session, project = "" }: Operations["forget"]["params"]): FileRow[] {
    const rows = [...this.#index.files.values()].filter(({ problem }) => problem === "forgotten");
    if (session !== undefined)
      return [...onlySession(new Map(rows.map((row) => [row.id, row])), session).values()];
    const ofProject = rows.filter(({ state }) => {
      const own = this.#directories.project(state?.cwd ?? "");
      return own === project || basename(own) === project;
    });
    if (ofProject.length === 0) throw noSessionOf(project);
    return ofProject;
  }
}

/** A session as the answer to `forget` names it. */
function namedSession({ path, state }: FileRow): Operations["forget"]["result"]["sessions"] {
  if (state === undefined) return [];
  const { session, name } = state;
  const mask = createRedactor({});
  return [{ sessionId: session, ...(name === undefined ? {} : { sessionName: mask(name) }), file: path }];
}

function maskOf({ showSecrets }: Masked): (text: string) => string {
  return showSecrets ? (text) => text : createRedactor({});
}

function noSession(session: string): PictlError {
  return new PictlError("SESSION_NOT_FOUND", `There is no session "${session}" in the history.`, {
    hint: "See `pictl history list --all` for ids and names.",
    details: { session },
  });
}

function noSessionOf(project: string): PictlError {
  return new PictlError(
    "SESSION_NOT_FOUND",
    `There is no session of a project "${project}" in the history.`,
    {
      hint: "Give the directory of the project, or the last part of it: pictl history stats --all --by project.",
      details: { project },
    },
  );
}
