/**
 * The line, from 1, on which a key of a TOML document is set, for error messages. The parser keeps no places,
 * so this looks for the table header and the key; what it can't find (a key inside an inline table or under
 * a quoted header) falls back to the line of the nearest parent.
 *
 * @param keys path of the key, as in `["limits", "park_after"]`
 */
export function lineOfKey(toml: string, keys: readonly string[]): number | undefined {
  const wanted = keys.map(unquoted).join(".");
  let table = "";
  let best: { line: number; length: number } | undefined;
  for (const [index, line] of toml.split("\n").entries()) {
    const header = /^\s*\[\[?([^\]]+)\]/.exec(line)?.[1];
    if (header !== undefined) table = dotted(header);
    const key = header === undefined ? /^\s*([\w."' -]+?)\s*=/.exec(line)?.[1] : undefined;
    const here = key === undefined ? table : [table, dotted(key)].filter(Boolean).join(".");
    const named = header !== undefined || key !== undefined;
    if (!named || !(wanted === here || wanted.startsWith(`${here}.`))) continue;
    if (here.length > (best?.length ?? 0)) best = { line: index + 1, length: here.length };
  }
  return best?.line;
}

function dotted(key: string): string {
  return key.split(".").map(unquoted).join(".");
}

function unquoted(part: string): string {
  return part.trim().replace(/^(["'])(.*)\1$/, "$2");
}
