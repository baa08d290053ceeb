import { LATER_FILES, NOT_LISTED } from "./catalogue.ts";

/** Why a file is listed. */
export interface Reason {
  /** A kind of the catalogue; `git` for what is in a git directory. */
  kind: string;
  because: string;
}

/** One pattern of the catalogue: the names that lead to the last one, and that one. */
interface Pattern extends Reason {
  parents: readonly string[];
  /** What the last name begins and ends with, where a part of it is left open; else the name. */
  prefix: string;
  suffix: string | undefined;
}

/**
 * Reads the catalogue's patterns once, so that each of 50,000 names costs two look-ups: exact names and those of
 * directories are in maps, and the others are found by their first or last letter.
 */
export class Matcher {
  readonly #names = new Map<string, Pattern[]>();
  readonly #trees = new Map<string, Pattern[]>();
  readonly #open = new Map<string, Pattern[]>();
  /** By the names of the directories that patterns go through; `parents` lead to such a directory. */
  readonly #ways = new Map<string, Pattern[]>();
  readonly #notListed = new Map<string, { above: string[]; because: string }[]>();

  constructor() {
    for (const { kind, files } of LATER_FILES)
      for (const { at, because } of files) for (const pattern of at) this.#add(pattern, { kind, because });
    for (const [path, because] of Object.entries(NOT_LISTED)) {
      const above = path.split("/");
      put(this.#notListed, above.pop() ?? "", { above, because });
    }
  }

  /**
   * @param parents names of the directories that lead to the file, the workspace's own left out
   * @param least how many of them a pattern has to name at least
   */
  file(parents: readonly string[], name: string, least = 0): Reason | undefined {
    return (
      firstFit(this.#names.get(name), parents, least) ??
      firstFit(this.#open.get(`${name[0]}…`), parents, least, name) ??
      firstFit(this.#open.get(`…${name.at(-1)}`), parents, least, name) ??
      firstFit(this.#open.get("…"), parents, least, name)
    );
  }

  /** Why all that lies in a directory is listed. */
  tree(parents: readonly string[], name: string, least = 0): Reason | undefined {
    return firstFit(this.#trees.get(name), parents, least);
  }

  /** Why something in a directory or below it may be listed that wouldn't be without the directory's name. */
  way(parents: readonly string[], name: string, least = 0): Reason | undefined {
    return firstFit(this.#ways.get(name), parents, least);
  }

  /** What a directory holds that is too much to be looked into. */
  notListed(parents: readonly string[], name: string, least = 0): string | undefined {
    return this.#notListed.get(name)?.find(({ above }) => above.length >= least && endsWith(parents, above))
      ?.because;
  }

  #add(text: string, reason: Reason): void {
    const isTree = text.endsWith("/**");
    const parents = (isTree ? text.slice(0, -3) : text).split("/");
    const name = parents.pop() ?? "";
    const [prefix = "", suffix] = name.split("*");
    const pattern = { ...reason, parents, prefix, suffix };
    if (isTree) put(this.#trees, name, pattern);
    else if (suffix === undefined) put(this.#names, name, pattern);
    // `bin/*` is under the key of no letter.
    else put(this.#open, prefix === "" ? `…${suffix.at(-1) ?? ""}` : `${prefix[0]}…`, pattern);
    for (const [index, parent] of parents.entries())
      put(this.#ways, parent, { ...pattern, parents: parents.slice(0, index) });
  }
}

function firstFit(
  patterns: readonly Pattern[] | undefined,
  parents: readonly string[],
  least: number,
  name?: string,
): Reason | undefined {
  const found = patterns?.find(
    (pattern) =>
      pattern.parents.length >= least &&
      endsWith(parents, pattern.parents) &&
      (name === undefined ||
        (name.length >= pattern.prefix.length + (pattern.suffix?.length ?? 0) &&
          name.startsWith(pattern.prefix) &&
          name.endsWith(pattern.suffix ?? ""))),
  );
  return found && { kind: found.kind, because: found.because };
}

function endsWith(names: readonly string[], end: readonly string[]): boolean {
  return end.every((name, index) => names.at(index - end.length) === name);
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const there = map.get(key);
  if (there === undefined) map.set(key, [value]);
  else there.push(value);
}
