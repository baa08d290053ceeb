import { chmodSync, lstatSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTomlKey, unsetTomlKey } from "./config-edit.ts";
import { type ConfigDocument, checkConfigText, readConfigText } from "./config-file.ts";
import type { ConfigKey } from "./config-keys.ts";
import { lineOfKey } from "./config-line.ts";
import { valueAt } from "./config-values.ts";
import { PictlError, toStorageError } from "./errors.ts";
import { ensurePrivateDir } from "./paths.ts";

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
  const text = exists ? readConfigText(path) : "";
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

/** A file of the user's is for the user alone; one of a repository is as its other files are. */
function write(path: string, text: string, kind: "user" | "workspace"): void {
  let target = path;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // People keep their configuration elsewhere and link to it. A link in a repository isn't followed.
  if (kind === "user" && stats?.isSymbolicLink()) target = realpathSync(path);
  const draft = `${target}.${process.pid}.tmp`;
  try {
    if (kind === "user") ensurePrivateDir(dirname(target));
    else mkdirSync(dirname(target), { recursive: true });
    writeFileSync(draft, text, { flag: "wx", mode: kind === "user" ? 0o600 : 0o666 });
    const mode = lstatSync(target, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined && !stats?.isSymbolicLink()) chmodSync(draft, mode & 0o777);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw toStorageError(error, target);
  }
}
