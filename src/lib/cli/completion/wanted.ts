import type { Manifest, ManifestCommand, ManifestFlag } from "../manifest.ts";
import { argumentValues, type Candidate, flagValues, type ValueKind } from "./value-kinds.ts";

/** What may be typed next, and how much of the current word stands before it (`--format=`, `@`). */
export interface Wanted {
  values: ValueKind;
  prefix: string;
}

const HELP: Candidate = { value: "--help", about: "Show help" };

/**
 * What fits at the end of a command line.
 *
 * @param before the words between `pictl` and the one at the cursor, without quotes
 * @param current what has been typed of the word at the cursor
 */
export function whatIsWanted(manifest: Manifest, before: readonly string[], current: string): Wanted {
  const commands = manifest.commands.filter(({ hidden }) => !hidden);
  const forHelp = before[0] === "help";
  const names = forHelp ? before.slice(1) : before;
  const found = findCommand(commands, names);
  if (found === undefined || forHelp) {
    const next = subcommands(manifest, commands, names);
    if (next.length === 0 || !current.startsWith("-")) {
      const help =
        names.length === 0 && !forHelp ? [{ value: "help", about: "Show help for a command" }] : [];
      return words([...next, ...help]);
    }
    const version = before.length === 0 ? [{ value: "--version", about: "Show the version" }] : [];
    return words([HELP, ...version]);
  }
  return inCommand(found.command, names.slice(found.length), current);
}

function findCommand(
  commands: readonly ManifestCommand[],
  words: readonly string[],
): { command: ManifestCommand; length: number } | undefined {
  for (let length = words.length; length > 0; length--) {
    const id = words.slice(0, length).join(":");
    const command = commands.find((one) => one.id === id);
    if (command !== undefined) return { command, length };
  }
  return undefined;
}

/** The commands and topics one word further, by name. */
function subcommands(
  manifest: Manifest,
  commands: readonly ManifestCommand[],
  words: readonly string[],
): Candidate[] {
  const next = new Map<string, string | undefined>();
  for (const command of commands) {
    const id = command.id.split(":");
    const value = id[words.length];
    if (value === undefined || words.some((word, index) => word !== id[index])) continue;
    const isCommand = id.length === words.length + 1;
    if (isCommand) next.set(value, command.summary);
    else if (!next.has(value)) next.set(value, manifest.topics[[...words, value].join(" ")]);
  }
  return [...next].map(([value, about]) => ({ value, ...(about === undefined ? {} : { about }) }));
}

function inCommand(command: ManifestCommand, rest: readonly string[], current: string): Wanted {
  const args = Object.values(command.args).filter(({ hidden }) => !hidden);
  const given: ManifestFlag[] = [];
  const values: string[] = [];
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] ?? "";
    // What follows is for another program, or text.
    if (word === "--")
      return { values: { kind: command.id.endsWith("prompt") ? "nothing" : "files" }, prefix: "" };
    const flag = word.length > 1 && word.startsWith("-") ? findFlag(command, word) : undefined;
    if (flag === undefined) {
      if (!word.startsWith("-")) values.push(word);
      continue;
    }
    given.push(flag);
    if (flag.type === "boolean" || word.includes("=")) continue;
    if (index === rest.length - 1) return { values: flagValues(flag), prefix: "" };
    index++;
  }
  const equals = current.startsWith("--") ? current.indexOf("=") : -1;
  if (equals !== -1) {
    const flag = findFlag(command, current);
    const prefix = current.slice(0, equals + 1);
    return {
      values: flag?.type === "option" ? withPrefix(flagValues(flag), prefix) : { kind: "nothing" },
      prefix,
    };
  }
  const arg = args[values.length] ?? args.findLast(({ multiple }) => multiple);
  if (current.startsWith("-") || arg === undefined) {
    return words(flagCandidates(command, given));
  }
  const wanted = argumentValues(command.id, arg, values, current);
  return { values: wanted, prefix: wanted.kind === "files" && current.startsWith("@") ? "@" : "" };
}

/** Every candidate is the whole word: shells replace all of it. */
function withPrefix(values: ValueKind, prefix: string): ValueKind {
  if (values.kind !== "words") return values;
  return {
    kind: "words",
    candidates: values.candidates.map((one) => ({ ...one, value: prefix + one.value })),
  };
}

function words(candidates: Candidate[]): Wanted {
  return { values: { kind: "words", candidates }, prefix: "" };
}

function findFlag(command: ManifestCommand, word: string): ManifestFlag | undefined {
  if (!word.startsWith("--")) return Object.values(command.flags).find(({ char }) => `-${char}` === word);
  const [name = ""] = word.slice(2).split("=", 1);
  return command.flags[name] ?? command.flags[name.replace(/^no-/, "")];
}

function flagCandidates(command: ManifestCommand, given: readonly ManifestFlag[]): Candidate[] {
  const excluded = new Set(given.flatMap(({ exclusive }) => exclusive ?? []));
  const open = Object.values(command.flags).filter(
    (flag) =>
      !flag.hidden &&
      !excluded.has(flag.name) &&
      !(given.includes(flag) && !flag.multiple) &&
      !flag.exclusive?.some((name) => given.some((other) => other.name === name)),
  );
  const candidates = open.flatMap(({ name, description, allowNo, default: value }) => {
    const about = description === undefined ? {} : { about: description };
    const no = { value: `--no-${name}`, ...about };
    // What is on already can only be switched off.
    return allowNo && value === true ? [no] : [{ value: `--${name}`, ...about }, ...(allowNo ? [no] : [])];
  });
  return [...candidates, HELP];
}
