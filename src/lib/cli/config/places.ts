import { findWorkspaceConfig, workspaceConfigPlace } from "../../core/config.ts";
import type { ConfigSources } from "../../core/config-values.ts";
import { agentPlaces } from "../../core/outside/agent-places.ts";
import { resolvePaths } from "../../core/paths.ts";
import { currentDirectory } from "../session-flags.ts";

/** The files whose settings hold in the shell's directory. */
export function configSources(env: NodeJS.ProcessEnv = process.env): ConfigSources {
  const paths = resolvePaths(env);
  const workspace = findWorkspaceConfig(currentDirectory(), () => agentPlaces(paths.agentPlaces));
  return { user: paths.config, workspace, env };
}

/** The file that a command is about, whether it exists or not. */
export function configTarget(
  workspace: boolean,
  env: NodeJS.ProcessEnv = process.env,
): { path: string; kind: "user" | "workspace" } {
  const paths = resolvePaths(env);
  if (!workspace) return { path: paths.config, kind: "user" };
  const path = workspaceConfigPlace(currentDirectory(), () => agentPlaces(paths.agentPlaces));
  return { path, kind: "workspace" };
}
