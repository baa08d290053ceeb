import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { Config } from "../../core/config.ts";
import { PictlError } from "../../core/errors.ts";
import type { Environment } from "../../core/paths.ts";
import { compareVersions, piVersion, type VersionCache } from "./pi-version.ts";

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
  env: Environment;
  config: Pick<Config, "agent">;
  bundledCli: string;
  cache: VersionCache;
}

/**
 * Chooses pi: `PICTL_PI`, else `agent.command` of the config, else the `pi` on PATH when it isn't older than
 * the bundled one (people's sessions, settings and logins belong to the pi they use), else the bundled one.
 *
 * @throws PictlError PI_NOT_FOUND, PI_TOO_OLD
 */
export async function resolvePi({ env, config, bundledCli, cache }: ResolvePiOptions): Promise<PiCommand> {
  const use = (words: readonly string[], source: PiCommand["source"], reason: string) =>
    inspect(words, { env, cache, source, reason });
  if (env.PICTL_PI) return await required(use([env.PICTL_PI], "PICTL_PI", "PICTL_PI names it."));
  if (config.agent.command) return await required(use(config.agent.command, "config", "agent.command in config.toml names it."));
  const onPath = findOnPath("pi", env);
  const bundled = await required(use([bundledCli], "bundled", "It comes with pictl; there is no pi on PATH."));
  if (onPath === undefined) return bundled;
  try {
    const found = await use([onPath], "PATH", `It is the first pi on PATH and not older than the bundled ${bundled.version}.`);
    if (compareVersions(found.version, bundled.version) >= 0) return found;
    return { ...bundled, reason: `It comes with pictl; the pi on PATH (${onPath}) is older (${found.version}).` };
  } catch (error) {
    // Something else that is called pi must not keep pictl from working.
    const why = error instanceof PictlError ? error.message : String(error);
    return { ...bundled, reason: `It comes with pictl; the pi on PATH can't be used: ${why}` };
  }
}

async function required(found: Promise<PiCommand>): Promise<PiCommand> {
  const pi = await found;
  if (compareVersions(pi.version, MINIMUM_PI_VERSION) >= 0) return pi;
  throw new PictlError("PI_TOO_OLD", `pi ${pi.version} (${pi.path}) is too old: pictl needs ${MINIMUM_PI_VERSION} or newer.`, {
    hint: "Update it with `pi update`, or unset PICTL_PI and agent.command to use the pi that comes with pictl.",
    details: { path: pi.path, version: pi.version, minimum: MINIMUM_PI_VERSION },
  });
}

async function inspect(
  [name = "", ...args]: readonly string[],
  { env, cache, source, reason }: { env: Environment; cache: VersionCache; source: PiCommand["source"]; reason: string },
): Promise<PiCommand> {
  const path = name.includes("/") ? expand(name, env) : findOnPath(name, env);
  if (path === undefined || !isFile(path)) {
    throw new PictlError("PI_NOT_FOUND", `There is no pi at ${path ?? `"${name}" on PATH`} (${reason})`, {
      hint: "Correct it, or unset it to use the pi that comes with pictl.",
      details: { command: name, source },
    });
  }
  const argv = [...runnable(path), ...args];
  return { argv, path, version: await piVersion(argv, path, env, cache), source, reason };
}

/** A script runs on pictl's own Node: the one on PATH may be too old for pi. Anything else runs as it is. */
function runnable(path: string): string[] {
  if (/\.[cm]?js$/.test(realpathSync(path)) || /^#!.*\bnode\b/.test(firstLine(path))) return [process.execPath, path];
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    throw new PictlError("PI_NOT_FOUND", `${path} can't be executed.`, { hint: `Run: chmod +x '${path}'`, cause: error });
  }
  return [path];
}

function firstLine(path: string): string {
  const buffer = Buffer.alloc(128);
  const fd = openSync(path, "r");
  try {
    return buffer.toString("latin1", 0, readSync(fd, buffer)).split("\n", 1)[0] ?? "";
  } finally {
    closeSync(fd);
  }
}

function findOnPath(name: string, env: Environment): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((dir) => isAbsolute(dir))
    .map((dir) => join(dir, name))
    .find((path) => isFile(path));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function expand(path: string, env: Environment): string {
  return path.startsWith("~/") ? join(env.HOME ?? "", path.slice(2)) : resolve(path);
}
