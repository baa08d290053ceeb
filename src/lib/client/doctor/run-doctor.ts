import { existsSync } from "node:fs";
import { type Config, findWorkspaceConfig, loadConfig } from "../../core/config.ts";
import { toPictlError } from "../../core/errors.ts";
import { checkCredentials, piDirectoryOf } from "./check-credentials.ts";
import { checkDaemon } from "./check-daemon.ts";
import { checkConfigDirectory, checkOwnDirectory } from "./check-directories.ts";
import { checkDisk } from "./check-disk.ts";
import { checkLimits } from "./check-limits.ts";
import { checkNode } from "./check-node.ts";
import { checkOrphans } from "./check-orphans.ts";
import { checkPi } from "./check-pi.ts";
import { checkPiFiles } from "./check-pi-files.ts";
import { checkPrograms } from "./check-programs.ts";
import { checkSocketDirectory } from "./check-socket.ts";
import type { DoctorFacts } from "./facts.ts";
import { type Finding, failure, ok } from "./finding.ts";

/**
 * Every check of `pictl doctor`, in the order in which one failing explains the next. Never throws for what it
 * finds; starts nothing and changes nothing but a temporary file that it removes again.
 */
export async function runDoctor(facts: DoctorFacts): Promise<Finding[]> {
  const { env, cwd, paths, daemon, limits } = facts;
  const { config, finding: configFinding } = await readConfig(paths.config, cwd, facts.agentPlaces);
  return [
    found("node", () => checkNode(facts.node)),
    found("pi", () => checkPi(daemon)),
    found("programs", () => checkPrograms(facts)),
    found("pi-files", () => checkPiFiles(piDirectoryOf(env, cwd))),
    configFinding,
    found("config-directory", () => checkConfigDirectory(paths.configDir)),
    found("socket", () => checkSocketDirectory(paths.runtimeDir)),
    found("state", () => checkOwnDirectory("state", paths.stateDir)),
    found("data", () => checkOwnDirectory("data", paths.dataDir)),
    found("disk", () => checkDisk([paths.stateDir, paths.dataDir, paths.runtimeDir])),
    found("credentials", () => checkCredentials(env, cwd, config?.model)),
    found("daemon", () => checkDaemon(daemon, facts.own)),
    found("limits", () => checkLimits(limits)),
    found("orphans", () => checkOrphans(daemon)),
  ];
}

/** A check that can't be made must not hide what the others found. */
function found(check: string, look: () => Finding): Finding {
  try {
    return look();
  } catch (error) {
    const { message, hint } = toPictlError(error);
    return failure(check, `It can't be checked: ${message}`, hint ?? "Look at what the message names.");
  }
}

/** @param paths of the user's file, and of the workspace's where it has one */
function describeConfig(paths: readonly string[]): string {
  const there = paths.filter((path) => existsSync(path));
  if (there.length === 0) return `There is no ${paths.join(" and no ")}; every setting has its default.`;
  return `${there.join(" and ")}: every key is valid or has its default.`;
}

async function readConfig(
  path: string,
  cwd: string,
  places: readonly string[],
): Promise<{ config?: Config; finding: Finding }> {
  try {
    const workspace = findWorkspaceConfig(cwd, () => places);
    const config = await loadConfig(path, workspace);
    return {
      config,
      finding: ok("config", describeConfig([path, ...(workspace ? [workspace] : [])])),
    };
  } catch (error) {
    const { message, hint } = toPictlError(error);
    return { finding: failure("config", message, hint ?? "Correct it, or move the file away.") };
  }
}
