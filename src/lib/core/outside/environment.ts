import { delimiter, isAbsolute } from "node:path";
import type { Environment } from "../paths.ts";
import { agentPlaceAround } from "./agent-places.ts";

/** Lists of directories or files from which programs take code. */
const LISTS = [
  "PATH",
  "LD_LIBRARY_PATH",
  "NODE_PATH",
  "PYTHONPATH",
  "PERL5LIB",
  "RUBYLIB",
  "GEM_PATH",
  "CLASSPATH",
];

/** Options and files that programs obey without being told by their arguments. */
const OPTIONS = [
  "LD_PRELOAD",
  "LD_AUDIT",
  "NODE_OPTIONS",
  "BASH_ENV",
  "ENV",
  "ZDOTDIR",
  "PYTHONSTARTUP",
  "PYTHONHOME",
  "PERL5OPT",
  "RUBYOPT",
  "JAVA_TOOL_OPTIONS",
  "_JAVA_OPTIONS",
  "JDK_JAVA_OPTIONS",
  "OPENSSL_CONF",
  "OPENSSL_MODULES",
  "GCONV_PATH",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_SYSTEM",
  "GIT_EXEC_PATH",
  "GIT_DIR",
  "LUA_PATH",
  "LUA_CPATH",
];

/**
 * A shell's environment for a program that runs outside on behalf of a sandboxed agent: without the entries of PATH
 * and the like that are relative, or in which an agent can write, and without options that name such files.
 *
 * @param places in which sandboxed agents can write, as real paths (agent-places.ts)
 */
export function outsideEnvironment(env: Environment, places: readonly string[]): Environment {
  const clean: Record<string, string | undefined> = { ...env };
  for (const name of LISTS) {
    const value = env[name];
    if (value === undefined) continue;
    const kept = value
      .split(delimiter)
      .filter((entry) => isAbsolute(entry) && agentPlaceAround(entry, places) === undefined);
    clean[name] = kept.length === 0 && name !== "PATH" ? undefined : kept.join(delimiter);
  }
  for (const name of OPTIONS) {
    const words = (env[name] ?? "").split(/[\s=:;,"']+/).filter((word) => word.includes("/"));
    if (words.some((word) => !isAbsolute(word) || agentPlaceAround(word, places) !== undefined))
      clean[name] = undefined;
  }
  return clean;
}
