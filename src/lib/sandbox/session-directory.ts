import { dirname, join, resolve } from "node:path";
import { PictlError } from "../core/errors.ts";
import { realPath } from "../core/real-path.ts";
import type { ProjectSessionDir } from "../core/session-files/locate.ts";
import { rememberingRealPath } from "./links.ts";
import { contains } from "./policy/roots.ts";

export interface SessionDirectoryRequest {
  /** Absolute. */
  sessionDir: string;
  /** When the project's settings name it. */
  project?: ProjectSessionDir | undefined;
  workspace: string;
  home: string;
  agentDir: string;
  /** What the policy denies. */
  denied: readonly string[];
}

/**
 * Refuses to let an agent write to a session directory that would open more than the policy does. The project's
 * settings come with the repository, and the agent may write them: what they name has to lie in what it may write
 * anyway. What the user names has to keep clear of what is denied, and of the home as a whole.
 *
 * @returns the directory when it has to be mounted; undefined where it is part of the workspace
 * @throws PictlError SANDBOX_UNAVAILABLE naming the file and the value
 */
export function sessionMount(request: SessionDirectoryRequest): string | undefined {
  const { project, workspace, home, agentDir, denied } = request;
  const sessionDir = resolve(request.sessionDir);
  const real = realPath(sessionDir);
  if (contains(realPath(workspace), real)) return undefined;
  if (project !== undefined && resolve(project.path) === sessionDir) {
    throw new PictlError(
      "SANDBOX_UNAVAILABLE",
      `${project.settings}: sessionDir "${project.value}" is outside of the workspace ${workspace}: a sandbox can't let the project's own settings say what else may be written.`,
      {
        hint: "Take it out of the project's settings, or name the directory yourself: PI_CODING_AGENT_SESSION_DIR, or sessionDir in pi's own settings.json.",
        details: { path: project.settings, value: project.value, workspace },
      },
    );
  }
  // All sessions are denied, and each agent is given those of its own directory: pi's default layout.
  const sessions = join(resolve(agentDir), "sessions");
  if (dirname(sessionDir) === sessions && dirname(real) === realPath(sessions)) return sessionDir;
  const places = [home, realPath(home)];
  const resolved = rememberingRealPath();
  const closed = [...new Set(denied.flatMap((path) => [path, resolved(path)]))];
  const problem = places.some((place) => contains(real, place) || contains(sessionDir, place))
    ? "holds your home"
    : closed.some((path) => [sessionDir, real].some((each) => contains(path, each) || contains(each, path)))
      ? "is, holds or lies in what the policy denies"
      : undefined;
  if (problem === undefined) return sessionDir;
  throw new PictlError(
    "SANDBOX_UNAVAILABLE",
    `A sandboxed agent can't write to the session directory ${sessionDir}: it ${problem}.`,
    {
      hint: "Name another one (PI_CODING_AGENT_SESSION_DIR, or sessionDir in pi's settings.json); `pictl sandbox explain` says what is denied.",
      details: { sessionDir, resolved: real },
    },
  );
}
