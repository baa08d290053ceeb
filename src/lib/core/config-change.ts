import { chmodSync, lstatSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { inAgentDirectory } from "./agent-file.ts";
import { setTomlKey, unsetTomlKey } from "./config-edit.ts";
import { type ConfigDocument, checkConfigText } from "./config-file.ts";
import type { ConfigKey } from "./config-keys.ts";
import { lineOfKey } from "./config-line.ts";
import { valueAt } from "./config-values.ts";
import { PictlError, systemErrorCode, toStorageError } from "./errors.ts";
import { ensurePrivateDir } from "./paths.ts";
import { readTomlText } from "./toml-file.ts";

export interface ConfigChange {
  path: string;
  kind: "user" | "workspace";
  key: ConfigKey;
  /** Its words as they were typed; absent: the key is taken out. */
  words?: readonly string[];
}

/**
 * Sets or takes out one key of a file, which is created when need be. The result is checked before anything
 * is written, and replaces the file in one step.
 *
 * @returns false when there was nothing to do
 * @throws PictlError USAGE for a value that the key can't have, INVALID_CONFIG for a file with another mistake,
 *   STORAGE_UNAVAILABLE
 */
export function changeConfig({ path, kind, key: known, words }: ConfigChange): boolean {
  const key = known.key.split(".") as [string, ...string[]];
  const exists = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  const text = exists ? readTomlText(path, kind) : "";
  const document = readable(known.key, () => checkConfigText(text, path, kind).document);
  if (words === undefined && document !== undefined && valueAt(document, key) === undefined) return false;
  const literal = words === undefined ? undefined : tomlLiteral(known, words);
  const changed = literal === undefined ? unsetTomlKey(text, key) : setTomlKey(text, key, literal);
  if (changed === undefined) throw cannotEdit(path, text, known.key, literal);
  try {
    checkConfigText(changed, path, kind);
  } catch (error) {
    throw words === undefined ? error : asBadValue(error, known.key, words);
  }
  if (changed === text) return false;
  write(path, changed, kind);
  return true;
}

/** Undefined for a text that is wrong in this key alone, which setting it mends. Throws what else is wrong. */
function readable(key: string, check: () => ConfigDocument): ConfigDocument | undefined {
  try {
    return check();
  } catch (error) {
    if (error instanceof PictlError && error.details?.key === key) return undefined;
    throw error;
  }
}

function tomlLiteral({ key, kind }: ConfigKey, words: readonly string[]): string {
  const [word = "", ...rest] = words;
  if (rest.length > 0 && kind !== "command" && kind !== "list") {
    throw new PictlError("USAGE", `${key} takes one value, not ${words.length}.`, {
      hint: "Put quotes around a value with spaces.",
      details: { key, values: [...words] },
    });
  }
  if (kind === "number" && /^[1-9]\d{0,14}$/.test(word)) return word;
  return rest.length === 0 ? tomlString(word) : `[${words.map(tomlString).join(", ")}]`;
}

/** JSON's escapes are TOML's; only DEL must be escaped in one and not in the other. */
function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

function asBadValue(error: unknown, key: string, words: readonly string[]): unknown {
  if (!(error instanceof PictlError) || error.details?.key === undefined) return error;
  const badKey = String(error.details.key);
  if (badKey !== key && !key.startsWith(`${badKey}.`)) return error;
  return new PictlError("USAGE", `${key} can't be "${words.join(" ")}": ${String(error.details.reason)}.`, {
    hint: "See docs/configuration.md for the keys and their values.",
    details: { key, value: words.join(" ") },
    cause: error,
  });
}

function cannotEdit(path: string, text: string, key: string, literal: string | undefined): PictlError {
  const line = lineOfKey(text, key.split("."));
  const place = line === undefined ? path : `${path}:${line}`;
  return new PictlError(
    "INVALID_CONFIG",
    `${place}: ${key} is written in a way that can't be changed here.`,
    {
      hint:
        literal === undefined
          ? `Remove ${key} from the file yourself.`
          : `Change the file yourself: ${key} = ${literal}`,
      details: { path, key, ...(line === undefined ? {} : { line }) },
    },
  );
}

function write(path: string, text: string, kind: "user" | "workspace"): void {
  // People keep their configuration elsewhere and link to it. In a workspace no link is followed.
  const isLink = kind === "user" && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  replaceFile(isLink ? realpathSync(path) : path, text, kind);
}

/**
 * Makes or replaces a file of pictl's settings in one step. What is a link there is replaced and not followed. A file of
 * the user's is for the user alone; one of a repository is as its other files are.
 *
 * @throws PictlError STORAGE_UNAVAILABLE, INVALID_CONFIG for a workspace whose `.pictl` is a link
 */
export function replaceFile(path: string, text: string, kind: "user" | "workspace"): void {
  const directory = dirname(path);
  const replace = (held: string) => {
    const target = join(held, basename(path));
    const draft = `${target}.${process.pid}.tmp`;
    try {
      const there = lstatSync(target, { throwIfNoEntry: false });
      writeFileSync(draft, text, { flag: "wx", mode: kind === "user" ? 0o600 : 0o666 });
      if (there?.isFile()) chmodSync(draft, there.mode & 0o777);
      renameSync(draft, target);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
  };
  try {
    if (kind === "user") {
      ensurePrivateDir(directory);
      replace(directory);
    } else {
      mkdirSync(directory, { recursive: true });
      inAgentDirectory(directory, undefined, replace);
    }
  } catch (error) {
    if (systemErrorCode(error) === "ELOOP") throw linkedDirectory(directory, error);
    throw toStorageError(error, path);
  }
}

function linkedDirectory(directory: string, cause: unknown): PictlError {
  return new PictlError("INVALID_CONFIG", `${directory} is a symbolic link, so nothing is written there.`, {
    hint: "An agent may have made it: look where it leads, and take it away.",
    details: { path: directory },
    cause,
  });
}
