import { realpathSync } from "node:fs";
import { compareVersions } from "../../core/compare-versions.ts";
import type { Config } from "../../core/config.ts";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { outsideEnvironment } from "../../core/outside/environment.ts";
import {
  isExecutable,
  nodeScriptOptions,
  type RefusedProgram,
  searchProgram,
} from "../../core/outside/find-program.ts";
import type { Environment } from "../../core/paths.ts";
import { piVersion, type VersionCache } from "./pi-version.ts";

/** The oldest pi whose RPC pictl speaks: delta-only updates, `agent_settled`, `clear_queue`. */
export const MINIMUM_PI_VERSION = "0.87.0";

/**
 * V8 begins with a young generation of 1 MiB, and collects it dozens of times while pi loads: with 8 MiB, half of what it
 * may grow to anyway, pi's start takes a sixth less CPU time (docs/performance.md).
 */
const NODE_OPTIONS: readonly string[] = ["--min-semi-space-size=8"];

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
  /** In which sandboxed agents can write: no pi on PATH is taken from there. */
  places: readonly string[];
}

/**
 * Chooses pi: `PICTL_PI`, else `agent.command` of the config, else the `pi` on PATH when it isn't older than
 * the bundled one (people's sessions, settings and logins belong to the pi they use), else the bundled one.
 * What somebody named is used or refused, never replaced; a `pi` that merely stands on PATH is passed over, as one is
 * that a sandboxed agent could have put there.
 *
 * @throws PictlError PI_NOT_FOUND, PI_TOO_OLD
 */
export async function resolvePi(options: ResolvePiOptions): Promise<PiCommand> {
  const { env, config, bundledCli, places } = options;
  const use = (words: readonly string[], source: PiCommand["source"], reason: string) =>
    inspect(words, source, reason, options);
  if (env.PICTL_PI) return recent(await use([env.PICTL_PI], "PICTL_PI", "PICTL_PI names it."));
  const { command } = config.agent;
  if (command) return recent(await use(command, "config", "agent.command in config.toml names it."));
  const { path: onPath, refused } = searchProgram("pi", env, places);
  const otherwise =
    refused === undefined
      ? "there is no pi on PATH"
      : `the pi on PATH is passed over, as ${agentsCanWrite(refused)}`;
  const bundled = recent(await use([bundledCli], "bundled", `It comes with pictl; ${otherwise}.`));
  if (onPath === undefined) return bundled;
  const first = refused === undefined ? "the first pi on PATH" : "the first pi on PATH that can be used";
  const passedOver =
    refused === undefined ? "" : ` One before it is passed over, as ${agentsCanWrite(refused)}.`;
  if (realpathSync(onPath) === realpathSync(bundledCli)) {
    return { ...bundled, reason: `It comes with pictl, and is ${first}.${passedOver}` };
  }
  try {
    const found = await use(
      [onPath],
      "PATH",
      `It is ${first} and not older than the bundled ${bundled.version}.${passedOver}`,
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
  source: PiCommand["source"],
  reason: string,
  { env, cache, places }: ResolvePiOptions,
): Promise<PiCommand> {
  const { path, refused } = searchProgram(name, env, places);
  if (path === undefined) {
    const place = name.includes("/") ? `at ${name}` : `called "${name}" on PATH`;
    const message =
      refused === undefined
        ? `There is no program ${place}. (${reason})`
        : `The program ${place} isn't used: ${agentsCanWrite(refused)}. (${reason})`;
    throw new PictlError("PI_NOT_FOUND", message, {
      hint:
        refused === undefined
          ? "Correct it, or unset it to use the pi that comes with pictl."
          : "Name it by its absolute path if you trust what is there, or unset it to use the pi that comes with pictl.",
      details: { command: name, source, ...refused },
    });
  }
  const argv = [...runnable(path, source), ...args];
  const version = await piVersion(argv, path, outsideEnvironment(env, places), cache);
  return { argv, path, version, source, reason };
}

function agentsCanWrite({ path, place }: RefusedProgram): string {
  return path === place || path.startsWith(`${place}/`)
    ? `agents in sandboxes can write to ${place}, where ${path} is`
    : `agents in sandboxes can write to ${place}, which ${path} leads to`;
}

/** A script for Node runs on pictl's own: the one on PATH may be too old for pi. Anything else runs as it is. */
function runnable(path: string, source: PiCommand["source"]): string[] {
  const options = nodeScriptOptions(path);
  if (options !== undefined) return [process.execPath, ...NODE_OPTIONS, ...options, path];
  if (isExecutable(path)) return [path];
  throw new PictlError("PI_NOT_FOUND", `${path} can't be executed.`, {
    hint: `Run: chmod +x '${path}'`,
    details: { path, source },
  });
}
