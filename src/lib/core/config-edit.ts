import { isDeepStrictEqual } from "node:util";
import { parse, TomlError } from "smol-toml";
import type { ConfigDocument } from "./config-file.ts";
import { namedPlaces } from "./config-line.ts";

/**
 * A TOML text with one key set to another value, everything else as it was written: comments, order, blank
 * lines. (`@decimalturn/toml-patch` 3.3 takes the comments above a removed key with it, and puts a new key
 * behind a blank line.)
 *
 * The places where the change could go are tried, and the first whose result reads as the old document with
 * just this change is taken; so a file that this doesn't understand is never spoilt.
 *
 * @param keys path of the key: `["limits", "park_after"]`
 * @param literal the value as TOML
 * @returns undefined when no place was found, as in an inline table
 */
export function setTomlKey(
  text: string,
  keys: readonly [string, ...string[]],
  literal: string,
): string | undefined {
  const wanted = withKey(document(text), keys, document(`value = ${literal}`)?.value);
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  return [...replacements(text, keys, literal), ...insertions(text, keys, literal, eol)].find((result) =>
    isDeepStrictEqual(document(result), wanted),
  );
}

/** The text without one key and the comment on its line. Undefined as for {@link setTomlKey}. */
export function unsetTomlKey(text: string, keys: readonly [string, ...string[]]): string | undefined {
  const wanted = withKey(document(text), keys, undefined);
  const lines = text.split("\n");
  const extent = findValue(text, keys);
  if (extent === undefined) return undefined;
  const result = [...lines.slice(0, extent.first), ...lines.slice(extent.last + 1)].join("\n");
  return isDeepStrictEqual(withoutEmptyTables(document(result)), withoutEmptyTables(wanted))
    ? result
    : undefined;
}

interface Extent {
  /** Lines from 0, the last one included. */
  first: number;
  last: number;
  /** `key = `, and what follows the value on its last line. */
  head: string;
  tail: string;
}

/**
 * Where a key's value stands. It ends at the first line end or `#` up to which the text reads as a whole
 * assignment: inside of a string or an array it doesn't yet.
 */
function findValue(text: string, keys: readonly string[]): Extent | undefined {
  const lines = text.split("\n");
  const line = namedPlaces(text).find(({ name, isTable }) => !isTable && name === keys.join("."))?.line;
  const start = lines[(line ?? 0) - 1];
  const head = start === undefined ? undefined : /^\s*[^=]+=[ \t]*/.exec(start)?.[0];
  if (line === undefined || head === undefined) return undefined;
  let before = "";
  for (let last = line - 1; last < lines.length; last++) {
    const current = (lines[last] ?? "").slice(last === line - 1 ? head.length : 0);
    const ends = [...[...current.matchAll(/#/g)].map(({ index }) => index), current.length];
    for (const end of ends) {
      if (document(`value = ${before}${current.slice(0, end)}`)?.value === undefined) continue;
      const space = /\s*$/.exec(current.slice(0, end))?.[0] ?? "";
      return { first: line - 1, last, head, tail: space + current.slice(end) };
    }
    before += `${current}\n`;
  }
  return undefined;
}

function* replacements(text: string, keys: readonly string[], literal: string): Generator<string> {
  const extent = findValue(text, keys);
  if (extent === undefined) return;
  const lines = text.split("\n");
  lines.splice(extent.first, extent.last - extent.first + 1, extent.head + literal + extent.tail);
  yield lines.join("\n");
}

/** With a new line: after a commented-out one of this key, at the end of its table, or in a table of its own. */
function* insertions(
  text: string,
  keys: readonly [string, ...string[]],
  literal: string,
  eol: string,
): Generator<string> {
  const lines = text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/);
  const table = keys.slice(0, -1).join(".");
  const name = keys.at(-1) ?? "";
  const assignment = `${name} = ${literal}`;
  const places = namedPlaces(text);
  const headers = places.filter(({ isTable }) => isTable);
  const start = table === "" ? 0 : headers.find((header) => header.name === table)?.line;
  const insert = (at: number, ...added: string[]) =>
    [...lines.slice(0, at), ...added, ...lines.slice(at), ""].join(eol);
  if (start !== undefined) {
    const end = (headers.find(({ line }) => line > start)?.line ?? lines.length + 1) - 1;
    const commented = lines.findIndex(
      (line, index) => index >= start && index < end && new RegExp(`^\\s*#+\\s*${name}\\s*=`).test(line),
    );
    if (commented !== -1) yield insert(commented + 1, assignment);
    // What stands before the next header belongs to it, if no blank line is between.
    const own = places.filter(({ line, isTable }) => !isTable && line > start && line <= end);
    const last = own.at(-1);
    const after = last && findValue(text, last.name.split("."));
    if (after) yield insert(after.last + 1, assignment);
    yield start === 0 ? insert(0, assignment, ...(lines.length > 0 ? [""] : [])) : insert(start, assignment);
    return;
  }
  const dotted = places
    .filter(({ name: other, isTable }) => !isTable && other.startsWith(`${table}.`))
    .at(-1);
  const after = dotted && findValue(text, dotted.name.split("."));
  if (after) yield insert(after.last + 1, `${keys.join(".")} = ${literal}`);
  yield insert(lines.length, ...(lines.length > 0 ? [""] : []), `[${table}]`, assignment);
}

/** Undefined for a text that isn't TOML. */
function document(text: string): ConfigDocument | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof TomlError) return undefined;
    throw error;
  }
}

function withKey(
  from: ConfigDocument = {},
  [key, ...rest]: readonly string[],
  value: unknown,
): ConfigDocument {
  const copy: ConfigDocument = Object.assign(Object.create(null), from);
  if (key === undefined) return copy;
  if (rest.length > 0) copy[key] = withKey(copy[key] as ConfigDocument | undefined, rest, value);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

/** A table that lost its last key may stay or go: `[limits]` says nothing. */
function withoutEmptyTables(from: ConfigDocument = {}): ConfigDocument {
  const filled = Object.entries(from).filter(
    ([, value]) => typeof value !== "object" || value === null || Object.keys(value).length > 0,
  );
  return Object.fromEntries(filled);
}
