import { findWorkspaceConfig, workspaceConfigPlace } from "../../core/config.ts";
import type { ConfigSources } from "../../core/config-values.ts";
import { resolvePaths } from "../../core/paths.ts";
import { currentDirectory } from "../session-flags.ts";

/** The files whose settings hold in the shell's directory. */
export function configSources(env: NodeJS.ProcessEnv = process.env): ConfigSources {
  return { user: resolvePaths(env).config, workspace: findWorkspaceConfig(currentDirectory()), env };
}

/** The file that a command is about, whether it exists or not. */
export function configTarget(
  workspace: boolean,
  env: NodeJS.ProcessEnv = process.env,
): { path: string; kind: "user" | "workspace" } {
  return workspace
    ? { path: workspaceConfigPlace(currentDirectory()), kind: "workspace" }
    : { path: resolvePaths(env).config, kind: "user" };
}
