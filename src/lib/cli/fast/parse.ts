/** A flag as a command declares it with oclif's builders; only what this parser understands of it. */
export interface FlagDefinition {
  type: "option" | "boolean";
  char?: string;
  allowNo?: boolean;
  multiple?: boolean;
  multipleNonGreedy?: boolean;
  options?: readonly string[];
  default?: unknown;
  env?: string;
  exclusive?: readonly string[];
  dependsOn?: readonly string[];
  required?: boolean;
  [other: string]: unknown;
}

export interface ArgDefinition {
  multiple?: boolean;
  required?: boolean;
  default?: unknown;
  [other: string]: unknown;
}

/** What this parser leaves to oclif: help, anything wrong, and anything rare. Nothing has been done by then. */
export class NotOrdinary extends Error {
  override readonly name = "NotOrdinary";
}

/** Properties of a flag or argument that change its meaning in a way that isn't implemented here. */
const UNKNOWN_PROPERTIES = [
  "relationships",
  "aliases",
  "charAliases",
  "exactlyOne",
  "atLeastOne",
  "combinable",
  "delimiter",
  "allowStdin",
  "parse",
];

interface ParseInput {
  flags: Readonly<Record<string, FlagDefinition>>;
  args: Readonly<Record<string, ArgDefinition>>;
}

export interface Parsed {
  flags: Record<string, unknown>;
  args: Record<string, unknown>;
}

/**
 * Parses an ordinary command line by the same declarations as oclif, with the same result, in a thousandth of
 * the time that it takes to load oclif (docs/decisions/0004). Whatever it is not sure of, it refuses.
 *
 * @throws NotOrdinary
 */
export function parseOrdinary(
  argv: readonly string[],
  { flags, args }: ParseInput,
  env: NodeJS.ProcessEnv,
): Parsed {
  for (const definition of [...Object.values(flags), ...Object.values(args)]) {
    if (UNKNOWN_PROPERTIES.some((property) => definition[property] !== undefined)) throw new NotOrdinary();
  }
  const { given, words } = tokenize(argv, flags);
  addFromEnvironment(given, flags, env);
  const values: Record<string, unknown> = { ...given };
  for (const [name, flag] of Object.entries(flags)) {
    if (typeof flag.default === "function") throw new NotOrdinary();
    if (values[name] === undefined && flag.default !== undefined) values[name] = flag.default;
    if (flag.required && values[name] === undefined) throw new NotOrdinary();
  }
  for (const name of Object.keys(given)) {
    if (flags[name]?.exclusive?.some((other) => given[other] !== undefined)) throw new NotOrdinary();
    if (flags[name]?.dependsOn?.some((other) => given[other] === undefined)) throw new NotOrdinary();
  }
  return { flags: values, args: assignWords(words, args) };
}

function tokenize(
  argv: readonly string[],
  flags: ParseInput["flags"],
): { given: Record<string, unknown>; words: string[] } {
  const byChar = new Map(
    Object.entries(flags).flatMap(([name, flag]) => (flag.char ? [[flag.char, name] as const] : [])),
  );
  const given: Record<string, unknown> = {};
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i] ?? "";
    if (token === "--") {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (!token.startsWith("-") || token === "-") {
      words.push(token);
      continue;
    }
    const { name, negated, inline } = findFlag(token, flags, byChar);
    const flag = flags[name];
    if (flag === undefined) throw new NotOrdinary();
    if (flag.type === "boolean") {
      if (inline !== undefined) throw new NotOrdinary();
      given[name] = !negated;
      continue;
    }
    const value = inline ?? argv[++i];
    // What looks like a flag may be one, also behind `=`: oclif then misses the value.
    if (value === undefined || (value.startsWith("-") && value !== "-")) throw new NotOrdinary();
    if (flag.options && !flag.options.includes(value)) throw new NotOrdinary();
    if (flag.multiple && !flag.multipleNonGreedy) throw new NotOrdinary();
    if (!flag.multiple && given[name] !== undefined) throw new NotOrdinary();
    given[name] = flag.multiple ? [...((given[name] as string[] | undefined) ?? []), value] : value;
  }
  return { given, words };
}

function findFlag(
  token: string,
  flags: ParseInput["flags"],
  byChar: ReadonlyMap<string, string>,
): { name: string; negated: boolean; inline: string | undefined } {
  if (!token.startsWith("--")) {
    const name = token.length === 2 ? byChar.get(token.slice(1)) : undefined;
    if (name === undefined) throw new NotOrdinary();
    return { name, negated: false, inline: undefined };
  }
  const equals = token.indexOf("=");
  const long = token.slice(2, equals === -1 ? undefined : equals);
  const inline = equals === -1 ? undefined : token.slice(equals + 1);
  if (Object.hasOwn(flags, long)) return { name: long, negated: false, inline };
  const positive = long.startsWith("no-") ? long.slice(3) : "";
  if (!Object.hasOwn(flags, positive) || !flags[positive]?.allowNo) throw new NotOrdinary();
  return { name: positive, negated: true, inline };
}

/** A flag from the environment counts as given, also for `exclusive`; a default doesn't. */
function addFromEnvironment(
  given: Record<string, unknown>,
  flags: ParseInput["flags"],
  env: NodeJS.ProcessEnv,
): void {
  for (const [name, flag] of Object.entries(flags)) {
    const value = flag.env === undefined ? undefined : env[flag.env];
    if (!value || given[name] !== undefined) continue;
    if (flag.type === "boolean" || flag.multiple || flag.options) throw new NotOrdinary();
    given[name] = value;
  }
}

function assignWords(words: readonly string[], args: ParseInput["args"]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const rest = [...words];
  for (const [name, arg] of Object.entries(args)) {
    if (typeof arg.default === "function" || arg.options !== undefined) throw new NotOrdinary();
    // oclif gives what is left over to the arguments behind a variadic one first; none of ours has any.
    const value = arg.multiple ? (rest.length > 0 ? rest.splice(0) : undefined) : rest.shift();
    if (value === undefined && arg.required) throw new NotOrdinary();
    const given = value ?? arg.default;
    if (given !== undefined) values[name] = given;
  }
  if (rest.length > 0) throw new NotOrdinary();
  return values;
}
