/**
 * The candidates that somebody who typed `word` may have meant, nearest first: those within a third of its
 * length in edits, or the one edit that a short word allows.
 *
 * @param limit at most this many
 */
export function nearest(word: string, candidates: Iterable<string>, limit = 3): string[] {
  const typed = word.toLowerCase();
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: editDistance(typed, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= allowedEdits(typed, candidate))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

function allowedEdits(typed: string, candidate: string): number {
  return Math.max(1, Math.floor(Math.min(typed.length, candidate.length) / 3));
}

/** Words of a command line are short; more is no typo, and the table grows with the square. */
const MAX_LENGTH = 64;

/**
 * Insertions, deletions, substitutions and swaps of neighbours that make one word of the other (optimal string
 * alignment): `lsit` is one from `list`, where plain Levenshtein says two. Infinity for what is too long.
 */
export function editDistance(a: string, b: string): number {
  if (a.length > MAX_LENGTH || b.length > MAX_LENGTH) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}

/** `Did you mean "a" or "b"?`, or undefined when there is nothing to propose. */
export function didYouMean(suggestions: readonly string[]): string | undefined {
  if (suggestions.length === 0) return undefined;
  const quoted = suggestions.map((one) => `"${one}"`);
  const last = quoted.pop() ?? "";
  return `Did you mean ${quoted.length > 0 ? `${quoted.join(", ")} or ` : ""}${last}?`;
}
