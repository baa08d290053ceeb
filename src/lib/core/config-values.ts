import { statSync } from "node:fs";
import { type ConfigDocument, checkConfigText, nearestKeys } from "./config-file.ts";
import { CONFIG_KEYS, type ConfigKey } from "./config-keys.ts";
import { lineOfKey } from "./config-line.ts";
import { PictlError } from "./errors.ts";
import { didYouMean } from "./nearest.ts";
import type { Environment } from "./paths.ts";
import { readTomlText } from "./toml-file.ts";

/** One setting, written as in a file, and where it comes from. */
export interface ConfigValue {
  key: string;
  /** Null: no value, and pictl or pi chooses. */
  value: string | number | string[] | null;
  origin: "default" | "user" | "workspace" | "environment";
  /** File and line of what comes from a file. */
  path?: string;
  line?: number;
  /** Name of the environment variable. */
  variable?: string;
}

export interface ConfigSources {
  user: string;
  workspace: string | undefined;
  env: Environment;
}

/**
 * Every setting that holds in a directory, in the order of the table of keys.
 *
 * @throws PictlError INVALID_CONFIG naming file, line and key
 */
export function readConfigValues({ user, workspace, env }: ConfigSources): ConfigValue[] {
  // The workspace's goes before the user's: it has only keys that it may have.
  const files = [...(workspace === undefined ? [] : [read(workspace, "workspace")]), read(user, "user")];
  return CONFIG_KEYS.map((known) => {
    const { key, variable } = known;
    const fromEnvironment = variable === undefined ? undefined : env[variable];
    if (variable !== undefined && fromEnvironment) {
      return { key, value: fromEnvironment, origin: "environment", variable };
    }
    for (const { path, origin, text, document } of files) {
      const value = valueAt(document, key.split("."));
      const line = lineOfKey(text, key.split("."));
      if (value !== undefined) return { key, value, origin, path, ...(line === undefined ? {} : { line }) };
    }
    return { key, value: known.default ?? null, origin: "default" };
  });
}

/** What is known of a key. Throws USAGE with the nearest ones for one that doesn't exist. */
export function findConfigKey(name: string): ConfigKey {
  const known = CONFIG_KEYS.find(({ key }) => key === name);
  if (known !== undefined) return known;
  const suggestions = nearestKeys(name).filter((key) => CONFIG_KEYS.some((other) => other.key === key));
  const all = CONFIG_KEYS.map(({ key }) => key).join(", ");
  throw new PictlError("USAGE", `There is no setting "${name}".`, {
    hint: didYouMean(suggestions) ?? `There are ${all}.`,
    details: { key: name, suggestions },
  });
}

interface ReadFile {
  path: string;
  origin: "user" | "workspace";
  text: string;
  document: ConfigDocument;
}

function read(path: string, origin: "user" | "workspace"): ReadFile {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    return { path, origin, text: "", document: {} };
  const text = readTomlText(path, origin);
  return { path, origin, text, document: checkConfigText(text, path, origin).document };
}

/** The value at a key's path in a document that has passed the schema: a leaf is what a key may hold. */
export function valueAt(
  document: ConfigDocument,
  [key = "", ...rest]: readonly string[],
): ConfigValue["value"] | undefined {
  const value = document[key];
  if (rest.length === 0 || value === undefined) return value as ConfigValue["value"] | undefined;
  return valueAt(value as ConfigDocument, rest);
}
