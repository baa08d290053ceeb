import { accessSync, closeSync, constants, readSync, realpathSync, statSync } from "node:fs";
import { basename, delimiter, isAbsolute, join, resolve } from "node:path";
import { openAgentFile } from "../../core/agent-file.ts";
import type { Environment } from "../../core/paths.ts";

/** Linux reads no more of a first line than this. */
const MAX_SHEBANG_BYTES = 256;

/**
 * The file that a command name stands for: a path as it is, `~/` under HOME, a relative path under the
 * directory of the shell whose environment it is, a bare name on PATH.
 *
 * @returns undefined when there is no such file
 */
export function findProgram(name: string, env: Environment): string | undefined {
  const path = name.includes("/") ? absolutePath(name, env) : findOnPath(name, env);
  return path !== undefined && isFile(path) ? path : undefined;
}

/** As a shell finds it, but for empty and relative entries: they would mean the daemon's own directory. */
function findOnPath(name: string, env: Environment): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((dir) => isAbsolute(dir))
    .map((dir) => join(dir, name))
    .find((path) => isFile(path) && isExecutable(path));
}

function absolutePath(path: string, env: Environment): string | undefined {
  if (isAbsolute(path)) return path;
  const base = path.startsWith("~/") ? env.HOME : env.PWD;
  return base !== undefined && isAbsolute(base) ? resolve(base, path.replace(/^~\//, "")) : undefined;
}

/**
 * Node's own options from a script's first line (usually none), or undefined when the file isn't a script for
 * Node: then it is to be run as it is.
 */
export function nodeScriptOptions(path: string): string[] | undefined {
  const line = firstLine(path);
  if (!line.startsWith("#!")) return /\.[cm]?js$/.test(realpathSync(path)) ? [] : undefined;
  const words = line.slice(2).trim().split(/\s+/);
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

function firstLine(path: string): string {
  const buffer = Buffer.alloc(MAX_SHEBANG_BYTES);
  const fd = openAgentFile(path, { links: "follow" });
  try {
    return buffer.toString("latin1", 0, readSync(fd, buffer)).split("\n", 1)[0] ?? "";
  } finally {
    closeSync(fd);
  }
}
