/** Shorter prefixes are unique only until the next session is made. */
const MIN_LENGTH = 8;

/** For each id its shortest prefix, of at least eight characters, that no other id of the list has. */
export function shortIds(ids: readonly string[]): Map<string, string> {
  const sorted = [...new Set(ids)].sort();
  return new Map(
    sorted.map((id, index) => {
      const shared = Math.max(sharedLength(id, sorted[index - 1]), sharedLength(id, sorted[index + 1]));
      const length = Math.max(MIN_LENGTH, shared + 1);
      // A prefix that ends with a UUID's dash looks cut off.
      return [id, id.slice(0, id[length - 1] === "-" ? length + 1 : length)];
    }),
  );
}

function sharedLength(id: string, other: string | undefined): number {
  let length = 0;
  while (other !== undefined && length < id.length && id[length] === other[length]) length++;
  return length;
}
