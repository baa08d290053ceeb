import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { realPath } from "../core/real-path.ts";
import { agentDirOf, sandboxedRoot, sessionDirOf } from "../core/session-files/locate.ts";
import { sandboxedDirectoryOf } from "../core/session-files/sandboxed-directory.ts";
import { homeOf } from "../core/user.ts";
import { isBelow } from "../history/files/roots.ts";
import type { History } from "../history/history.ts";
import type { Filters, Hit, Scope } from "../history/types.ts";
import type { historySchemas } from "../protocol/history.ts";
import type { RequestParams, RequestResults } from "../protocol/requests.ts";
import type { Caller } from "../session/caller.ts";
import type { Sessions } from "../session/sessions.ts";

/** What these handlers use of a request's surroundings. */
interface HistoryHost {
  sessions: Sessions;
  history: History;
  caller: Caller;
}

type HistoryHandlers = {
  [N in keyof typeof historySchemas]: (
    params: RequestParams<N>,
    host: HistoryHost,
    reply: (data: RequestResults[N]) => void,
  ) => Promise<void>;
};

/** The handlers of the requests about the history, which its own thread answers. */
export const historyHandlers: HistoryHandlers = {
  async search_history({ cwd, scope, project, session, model, since, until, ...rest }, host, reply) {
    const filters = filtersOf({ cwd, scope, project, session, model, since, until });
    const places = await placesOf(host, cwd);
    const meant = await resolved(host, places.scope, cwd, { ...filters, waitMs: rest.waitMs });
    const result = await host.history.ask("search", places.scope, { ...rest, ...meant });
    const told = (hit: Hit) => (places.outside(hit.file) ? { ...hit, outside: true } : hit);
    reply({ ...result, hits: result.hits.map(told) });
  },

  async list_history({ limit, showSecrets, ...filters }, host, reply) {
    const scope = await scopeOf(host, filters.cwd);
    const meant = await resolved(host, scope, filters.cwd, filtersOf(filters));
    reply(await host.history.ask("list", scope, { ...meant, limit, showSecrets }));
  },

  async show_history({ cwd, ...params }, host, reply) {
    const scope = await scopeOf(host, cwd);
    const { session } = await resolved(host, scope, cwd, { session: params.session });
    reply(await host.history.ask("show", scope, { ...params, session }));
  },

  async get_history_stats({ by, ...filters }, host, reply) {
    const scope = await scopeOf(host, filters.cwd);
    const meant = await resolved(host, scope, filters.cwd, filtersOf(filters));
    reply(await host.history.ask("stats", scope, { ...meant, by }));
  },

  async get_history_status({ cwd }, host, reply) {
    reply(await host.history.ask("status", await scopeOf(host, cwd), {}));
  },

  async reindex_history({ cwd, ...params }, host, reply) {
    const scope = await scopeOf(host, cwd);
    reply(await host.history.ask("reindex", scope, await resolved(host, scope, cwd, params)));
  },

  async forget_history({ cwd, project, ...rest }, host, reply) {
    const params = { ...rest, ...(project === undefined ? {} : { project: projectOf(project) }) };
    const scope = await scopeOf(host, cwd);
    // What was forgotten is found by its id alone.
    const meant = params.undo ? params : await resolved(host, scope, cwd, params);
    reply(await host.history.ask("forget", scope, meant));
  },
};

/** The parameters with the id of the session that they name, if they name one. Says when it is another directory's. */
async function resolved<P extends Filters & { waitMs?: number | undefined }>(
  { history, caller }: HistoryHost,
  scope: Scope,
  cwd: string | undefined,
  params: P,
): Promise<P> {
  const { session, projectOf, project } = params;
  if (session === undefined) return params;
  const near = cwd === undefined ? undefined : realPath(cwd);
  const filters = { session, projectOf, project, cwd: params.cwd, near, waitMs: params.waitMs };
  const { sessionId, cwd: directory, elsewhere } = await history.ask("resolve", scope, filters);
  if (elsewhere) caller.usesElsewhere?.({ sessionId, name: session, cwd: directory });
  return { ...params, session: sessionId };
}

interface Places {
  scope: Scope;
  /** Whether a session's file is where only the history looks, by the config's `history.directories`. */
  outside: (file: string) => boolean;
}

async function scopeOf(host: HistoryHost, cwd: string | undefined): Promise<Scope> {
  return (await placesOf(host, cwd)).scope;
}

/**
 * Where the caller's pi keeps its sessions, and what is to be left out. Read anew each time: who excludes a project
 * means at once.
 *
 * @param cwd the caller's directory, whose settings may keep sessions elsewhere
 * @throws PictlError INVALID_CONFIG
 */
async function placesOf({ sessions, caller }: HistoryHost, cwd: string | undefined): Promise<Places> {
  const environment = caller.environment ?? {};
  const agentDir = agentDirOf(environment);
  const { exclude, directories } = await sessions.historyConfig();
  const own = resolve(agentDir, "sessions");
  const flat = new Set(
    directories.map((path) => resolve(path.replace(/^~(?=\/|$)/, () => homeOf(environment)))),
  );
  const named = sessionDirOf(environment, cwd ?? process.cwd(), () => sessions.starter.agentPlaces());
  const sessionDir = named === undefined ? undefined : resolve(named);
  if (sessionDir !== undefined) flat.add(sessionDir);
  const known = new Set<string>();
  for (const { record } of sessions.all()) {
    if (record.file !== undefined && sandboxedDirectoryOf(record.file, agentDir) !== undefined) continue;
    // A project's own settings may keep its sessions elsewhere.
    const directory = record.file === undefined || record.agentDir !== agentDir ? own : dirname(record.file);
    if (directory !== own && dirname(directory) !== own) known.add(directory);
  }
  for (const directory of known) flat.add(directory);
  const sandboxed = sandboxedRoot(agentDir);
  const roots = [
    { path: own, nested: true },
    sandboxed,
    ...[...flat].map((path) => ({ path, nested: false })),
  ];
  const all = roots.flatMap(withNested);
  const sessionsOwn = all.filter(({ path }) => [own, sandboxed.path, sessionDir, ...known].includes(path));
  return { scope: { roots: all, exclude }, outside: (file) => !isBelow(file, sessionsOwn) };
}

/** A directory of the config may be laid out as pi's own is. */
function withNested(root: Scope["roots"][number]): Scope["roots"] {
  const { path, nested } = root;
  if (nested) return [root];
  const below = [{ path: join(path, "sessions"), nested: true }, sandboxedRoot(path)];
  return [root, ...below.filter((each) => existsSync(each.path))];
}

function filtersOf({
  cwd,
  scope,
  project,
  session,
  model,
  since,
  until,
}: Pick<
  RequestParams<"search_history">,
  "cwd" | "scope" | "project" | "session" | "model" | "since" | "until"
>): Filters {
  const rest = { session, model, since, until };
  if (project !== undefined) return { ...rest, project: projectOf(project) };
  // A session that is named is meant, wherever it is.
  if (scope === "all" || cwd === undefined || (session !== undefined && scope === undefined)) return rest;
  return scope === "directory" ? { ...rest, cwd: realPath(cwd) } : { ...rest, projectOf: realPath(cwd) };
}

/** A project's directory without links, as sessions have it; its name as it is. */
function projectOf(project: string): string {
  return project.startsWith("/") ? realPath(project) : project;
}
