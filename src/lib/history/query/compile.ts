import type { Query, Term } from "./parse.ts";

/** A query as the index is asked. */
export interface CompiledQuery {
  /** In FTS5's own syntax; absent when only what must not occur was given, or nothing that the index has. */
  match?: string;
  /** What to take away, where there is no `match` that could say it. */
  exclude?: string;
  /** Whether the texts that are found must be looked at: the index has no punctuation. */
  verify: boolean;
}

/**
 * Brings a query into FTS5's syntax. Every word stands in quotes, so that nothing typed can be an operator. What
 * the index can't decide is left out, and decided by looking at the text.
 */
export function compileQuery({ groups }: Query): CompiledQuery {
  const wanted: string[] = [];
  const unwanted: string[] = [];
  let verify = false;
  for (const group of groups) {
    const [first] = group;
    if (group.some((term) => term.literal !== undefined)) verify = true;
    if (group.length === 1 && first?.negated) {
      if (first.literal === undefined) unwanted.push(expression(first));
    } else if (group.some((term) => term.negated || term.words.length === 0)) verify = true;
    else
      wanted.push(group.length === 1 ? expression(first as Term) : `(${group.map(expression).join(" OR ")})`);
  }
  const exclude = unwanted.join(" OR ");
  if (wanted.length === 0) return { verify, ...(exclude === "" ? {} : { exclude }) };
  const all = wanted.join(" AND ");
  return { verify, match: exclude === "" ? all : `(${all}) NOT (${exclude})` };
}

function expression({ words, prefix }: Term): string {
  return `"${words.join(" ")}"${prefix ? " *" : ""}`;
}
