/**
 * A key or header value of pi's files: `!command` is a command's output; else `$NAME` and `${NAME}` are variables,
 * `$$` and `$!` a dollar and an exclamation mark. Source: pi's docs/custom-provider.md and resolve-config-value.
 */
export type ConfigValue =
  | { kind: "command"; command: string }
  | { kind: "template"; parts: ({ text: string } | { variable: string })[] };

export function parseConfigValue(value: string): ConfigValue {
  if (value.startsWith("!")) return { kind: "command", command: value.slice(1) };
  const parts: ({ text: string } | { variable: string })[] = [];
  const pattern = /\$([$!])|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)/g;
  let end = 0;
  for (const match of value.matchAll(pattern)) {
    if (match.index > end) parts.push({ text: value.slice(end, match.index) });
    const [whole, escaped, braced, bare] = match;
    parts.push(escaped === undefined ? { variable: braced ?? bare ?? "" } : { text: escaped });
    end = match.index + whole.length;
  }
  if (end < value.length) parts.push({ text: value.slice(end) });
  return { kind: "template", parts };
}

/** Names of the variables that a value is made of. */
export function variablesOf(value: string): string[] {
  const parsed = parseConfigValue(value);
  return parsed.kind === "command"
    ? []
    : parsed.parts.flatMap((part) => ("variable" in part ? [part.variable] : []));
}

/** A template filled in, or undefined where a variable isn't set or it is a command. */
export function fillTemplate(
  value: string,
  variable: (name: string) => string | undefined,
): string | undefined {
  const parsed = parseConfigValue(value);
  if (parsed.kind === "command") return undefined;
  let text = "";
  for (const part of parsed.parts) {
    const filled = "text" in part ? part.text : variable(part.variable);
    if (filled === undefined || filled === "") return undefined;
    text += filled;
  }
  return text;
}
