/**
 * The line, from 1, on which a key of a TOML document is set, for error messages. The parser keeps no places,
 * so this looks for table headers and keys. What stands in an inline table gets the line of its parent, and a
 * table that is only ever written as `table.key = …` the first such line.
 *
 * @param keys path of the key, as in `["limits", "park_after"]`
 */
export function lineOfKey(toml: string, keys: readonly string[]): number | undefined {
  const wanted = keys.join(".");
  const places = namedPlaces(toml);
  const parents = places.filter(({ name }) => wanted === name || wanted.startsWith(`${name}.`));
  const nearest = parents.reduce<Place | undefined>(
    (best, place) => (place.name.length > (best?.name.length ?? 0) ? place : best),
    undefined,
  );
  return (nearest ?? places.find(({ name }) => name.startsWith(`${wanted}.`)))?.line;
}

interface Place {
  name: string;
  /** From 1. */
  line: number;
  /** A `[table]` header, else a key with its value. */
  isTable: boolean;
}

/** Every table header and key with its full dotted name. */
export function namedPlaces(toml: string): Place[] {
  let table = "";
  return toml.split("\n").flatMap((text, index): Place[] => {
    const header = /^\s*\[\[?([^\]]+)\]/.exec(text)?.[1];
    if (header !== undefined) {
      table = dotted(header);
      return [{ name: table, line: index + 1, isTable: true }];
    }
    const key = /^\s*([\w."' -]+?)\s*=/.exec(text)?.[1];
    if (key === undefined) return [];
    const name = table === "" ? dotted(key) : `${table}.${dotted(key)}`;
    return [{ name, line: index + 1, isTable: false }];
  });
}

function dotted(key: string): string {
  return key
    .split(".")
    .map((part) => part.trim().replace(/^(["'])(.*)\1$/, "$2"))
    .join(".");
}
