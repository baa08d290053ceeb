import { accessSync, closeSync, constants, readSync, realpathSync, statSync } from "node:fs";
import { basename, delimiter, isAbsolute, join, resolve } from "node:path";
import { openAgentFile } from "../agent-file.ts";
import type { Environment } from "../paths.ts";
import { agentPlaceAround } from "./agent-places.ts";

/** Linux reads no more of a first line than this. */
const MAX_SHEBANG_BYTES = 256;

/** Where a system has its own programs. Only root can write there. */
export const SYSTEM_PATH = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/current-system/sw/bin"].join(
  delimiter,
);

/** A program that isn't run, because an agent could have made it, or could replace it. */
export interface RefusedProgram {
  path: string;
  /** The directory in which agents can write. */
  place: string;
}

export interface ProgramSearch {
  /** Absolute. */
  path?: string;
  /** The first one that was passed over. */
  refused?: RefusedProgram;
}

/**
 * Looks for a program that is to run outside of a sandbox. An absolute path, or one that begins with `~/`, is what the
 * user says. A relative path is below the directory of the shell whose environment it is; a bare name is looked for
 * on PATH, but for empty and relative entries. Neither may lead to what an agent can write.
 *
 * @param places in which sandboxed agents can write, as real paths (agent-places.ts)
 */
export function searchProgram(name: string, env: Environment, places: readonly string[]): ProgramSearch {
  if (isAbsolute(name) || name.startsWith("~/")) {
    const path = name.startsWith("~/") ? below(env.HOME, name.slice(2)) : name;
    return path !== undefined && isFile(path) ? { path } : {};
  }
  let refused: RefusedProgram | undefined;
  for (const path of name.includes("/") ? named(name, env) : onPath(name, env)) {
    const place = agentPlaceOf(path, places);
    if (place === undefined) return { path, ...(refused && { refused }) };
    refused ??= { path, place };
  }
  return refused === undefined ? {} : { refused };
}

/** The path of a program that belongs to the system, or undefined where it isn't installed. */
export function findSystemProgram(name: string): string | undefined {
  return searchProgram(name, { PATH: SYSTEM_PATH }, []).path;
}

/**
 * The place by which an agent can say what is run at a path: the file is in it, a link on the way to the file is, or
 * the interpreter that its first line names.
 */
export function agentPlaceOf(path: string, places: readonly string[]): string | undefined {
  const place = agentPlaceAround(path, places);
  if (place !== undefined || places.length === 0) return place;
  const interpreter = shebang(path)[0];
  return interpreter !== undefined && isAbsolute(interpreter)
    ? agentPlaceAround(interpreter, places)
    : undefined;
}

function named(path: string, env: Environment): string[] {
  const absolute = below(env.PWD, path);
  return absolute !== undefined && isFile(absolute) ? [absolute] : [];
}

function below(directory: string | undefined, path: string): string | undefined {
  return directory !== undefined && isAbsolute(directory) ? resolve(directory, path) : undefined;
}

function onPath(name: string, env: Environment): string[] {
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((directory) => isAbsolute(directory))
    .map((directory) => join(directory, name))
    .filter((path) => isFile(path) && isExecutable(path));
}

/**
 * Node's own options from a script's first line (usually none), or undefined when the file isn't a script for
 * Node: then it is to be run as it is.
 */
export function nodeScriptOptions(path: string): string[] | undefined {
  const words = shebang(path);
  if (words.length === 0) return /\.[cm]?js$/.test(realpathSync(path)) ? [] : undefined;
  const rest = basename(words[0] ?? "") === "env" ? words.slice(words[1] === "-S" ? 2 : 1) : words;
  return /^node(js)?$/.test(basename(rest[0] ?? "")) ? rest.slice(1) : undefined;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The words of a script's first line; none of what isn't a script, or can be executed and not read. */
function shebang(path: string): string[] {
  let fd: number | undefined;
  try {
    fd = openAgentFile(path, { links: "follow" });
    const buffer = Buffer.alloc(MAX_SHEBANG_BYTES);
    const line = buffer.toString("latin1", 0, readSync(fd, buffer)).split("\n", 1)[0] ?? "";
    return line.startsWith("#!") ? line.slice(2).trim().split(/\s+/) : [];
  } catch {
    // Not to be read.
    return [];
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
