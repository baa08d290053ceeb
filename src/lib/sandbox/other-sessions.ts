import { contains } from "../core/contains.ts";
import type { AgentPlacesOf, Environment } from "../core/paths.ts";
import { realPath } from "../core/real-path.ts";
import { projectSessionDirOf, sessionDirOf } from "../core/session-files/locate.ts";

/**
 * The directory in which a pi without a sandbox keeps its sessions, where settings or a variable name another one than
 * pi's default, which every policy denies. A sandboxed agent has its own file elsewhere. What the project's settings
 * name, which an agent may have written, counts only where the agent could write it anyway.
 *
 * @returns none where it is, or holds, what the agent works in
 */
export function otherSessions(
  environment: Environment,
  { cwd, workspace, home }: { cwd: string; workspace: string; home: string },
  placesOf: AgentPlacesOf,
): string[] {
  const project = projectSessionDirOf(environment, cwd);
  const isReachable = project !== undefined && contains(realPath(workspace), realPath(project));
  const named = [sessionDirOf(environment, cwd, placesOf), project].flatMap((path) =>
    path === undefined || (path === project && !isReachable) ? [] : [path],
  );
  const around = [cwd, workspace, home].map(realPath);
  return [...new Set(named)].filter((path) => !around.some((place) => contains(realPath(path), place)));
}
