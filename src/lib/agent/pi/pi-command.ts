import { realpathSync } from "node:fs";
import { compareVersions } from "../../core/compare-versions.ts";
import type { Config } from "../../core/config.ts";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import type { Environment } from "../../core/paths.ts";
import { findProgram, isExecutable, nodeScriptOptions } from "./find-program.ts";
import { piVersion, type VersionCache } from "./pi-version.ts";

/** The oldest pi whose RPC pictl speaks: delta-only updates, `agent_settled`, `clear_queue`. */
export const MINIMUM_PI_VERSION = "0.87.0";

/** The pi that is used, and why it is this one. */
export interface PiCommand {
  /** Program and leading arguments. */
  argv: string[];
  /** The file that was chosen. */
  path: string;
  version: string;
  source: "PICTL_PI" | "config" | "PATH" | "bundled";
  /** One sentence. */
  reason: string;
}

export interface ResolvePiOptions {
  /** Of the shell whose agent is to be started. */
  env: Environment;
  config: Pick<Config, "agent">;
  bundledCli: string;
  cache: VersionCache;
}

/**
 * Chooses pi: `PICTL_PI`, else `agent.command` of the config, else the `pi` on PATH when it isn't older than
 * the bundled one (people's sessions, settings and logins belong to the pi they use), else the bundled one.
 * What somebody named is used or refused, never replaced; a `pi` that merely stands on PATH is passed over.
 *
 * @throws PictlError PI_NOT_FOUND, PI_TOO_OLD
 */
export async function resolvePi({ env, config, bundledCli, cache }: ResolvePiOptions): Promise<PiCommand> {
  const use = (words: readonly string[], source: PiCommand["source"], reason: string) =>
    inspect(words, { env, cache, source, reason });
  if (env.PICTL_PI) return recent(await use([env.PICTL_PI], "PICTL_PI", "PICTL_PI names it."));
  const { command } = config.agent;
  if (command) return recent(await use(command, "config", "agent.command in config.toml names it."));
  const bundled = recent(await use([bundledCli], "bundled", "It comes with pictl; there is no pi on PATH."));
  const onPath = findProgram("pi", env);
  if (onPath === undefined) return bundled;
  if (realpathSync(onPath) === realpathSync(bundledCli)) {
    return { ...bundled, reason: "It comes with pictl, and is the first pi on PATH." };
  }
  try {
    const found = await use(
      [onPath],
      "PATH",
      `It is the first pi on PATH and not older than the bundled ${bundled.version}.`,
    );
    if (compareVersions(found.version, bundled.version) >= 0) return found;
    return {
      ...bundled,
      reason: `It comes with pictl; the pi on PATH (${onPath}) is older (${found.version}).`,
    };
  } catch (error) {
    // Something else that is called pi must not keep pictl from working.
    if (!(error instanceof PictlError) && systemErrorCode(error) === undefined) throw error;
    const why = error instanceof Error ? error.message : String(error);
    return { ...bundled, reason: `It comes with pictl; the pi on PATH can't be used: ${why}` };
  }
}

function recent(pi: PiCommand): PiCommand {
  if (compareVersions(pi.version, MINIMUM_PI_VERSION) >= 0) return pi;
  throw new PictlError(
    "PI_TOO_OLD",
    `pi ${pi.version} (${pi.path}) is too old: pictl needs ${MINIMUM_PI_VERSION} or newer.`,
    {
      hint: "Update it with `pi update`, or unset PICTL_PI and agent.command to use the pi that comes with pictl.",
      details: { path: pi.path, version: pi.version, minimum: MINIMUM_PI_VERSION, source: pi.source },
    },
  );
}

async function inspect(
  [name = "", ...args]: readonly string[],
  {
    env,
    cache,
    source,
    reason,
  }: { env: Environment; cache: VersionCache; source: PiCommand["source"]; reason: string },
): Promise<PiCommand> {
  const path = findProgram(name, env);
  if (path === undefined) {
    const place = name.includes("/") ? `at ${name}` : `called "${name}" on PATH`;
    throw new PictlError("PI_NOT_FOUND", `There is no program ${place}. (${reason})`, {
      hint: "Correct it, or unset it to use the pi that comes with pictl.",
      details: { command: name, source },
    });
  }
  const argv = [...runnable(path, source), ...args];
  return { argv, path, version: await piVersion(argv, path, env, cache), source, reason };
}

/** A script for Node runs on pictl's own: the one on PATH may be too old for pi. Anything else runs as it is. */
function runnable(path: string, source: PiCommand["source"]): string[] {
  let options: string[] | undefined;
  try {
    options = nodeScriptOptions(path);
  } catch (error) {
    // A compiled program may be executable and not readable.
    if (systemErrorCode(error) === undefined) throw error;
  }
  if (options !== undefined) return [process.execPath, ...options, path];
  if (isExecutable(path)) return [path];
  throw new PictlError("PI_NOT_FOUND", `${path} can't be executed.`, {
    hint: `Run: chmod +x '${path}'`,
    details: { path, source },
  });
}
