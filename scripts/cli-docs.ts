import { writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { COMMAND_GROUPS } from "../src/lib/cli/help/groups.ts";
import {
  commandName,
  type ManifestArg,
  type ManifestCommand,
  type ManifestFlag,
  readManifest,
} from "../src/lib/cli/manifest.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** docs/cli.md as the manifest has it. A test compares it with the file. */
export function cliDocs(root: string = ROOT): string {
  const commands = readManifest(root).commands.filter(({ hidden }) => !hidden);
  const byName = new Map(commands.map((command) => [commandName(command), command]));
  const groups = COMMAND_GROUPS.map(({ title, commands: names }) => ({
    title,
    members: names.flatMap((name) => byName.get(name) ?? []),
  }));
  return [
    "<!-- Written by `npm run docs:cli` from oclif.manifest.json. -->",
    "",
    "# Commands",
    "",
    "Every command also takes `--help`, and `--json`: one JSON document on stdout, errors included. How a command ends",
    "is in [exit-codes.md](exit-codes.md), what its errors mean in [errors.md](errors.md).",
    "",
    ...groups.flatMap(({ title, members }) => [
      `**${title}**`,
      "",
      ...members.map(
        (command) => `- [\`${commandName(command)}\`](#${anchor(command)}): ${render(command.summary ?? "")}`,
      ),
      "",
    ]),
    ...groups.flatMap(({ members }) => members).flatMap(section),
  ].join("\n");
}

function section(command: ManifestCommand): string[] {
  const args = Object.values(command.args).filter(({ hidden }) => !hidden);
  const flags = Object.values(command.flags).filter(({ hidden, name }) => !hidden && name !== "json");
  const name = commandName(command);
  const usage = [`pictl ${name}`, ...args.map(argName), ...(flags.length > 0 ? ["[FLAGS]"] : [])].join(" ");
  return [
    `## ${name}`,
    "",
    `${render(command.summary ?? "")}.`,
    "",
    "```",
    usage,
    "```",
    "",
    ...(command.description === undefined ? [] : [render(command.description), ""]),
    ...table(
      "argument",
      args.map((arg) => [`\`${argName(arg)}\``, describeArg(arg)]),
    ),
    ...table(
      "flag",
      flags.map((flag) => [`\`${flagName(flag)}\``, describeFlag(flag)]),
    ),
    ...examples(command),
  ];
}

function table(title: string, rows: [string, string][]): string[] {
  if (rows.length === 0) return [];
  const escaped = rows.map(([name, text]) => `| ${cell(name)} | ${cell(text)} |`);
  return [`| ${title} | meaning |`, "|---|---|", ...escaped, ""];
}

function argName({ name, required, multiple }: ManifestArg): string {
  const word = `${name.toUpperCase()}${multiple ? "..." : ""}`;
  return required ? word : `[${word}]`;
}

function describeArg({ description = "", options }: ManifestArg): string {
  return sentences([description, oneOf(options)]);
}

function flagName(flag: ManifestFlag): string {
  const long = `--${flag.allowNo ? "[no-]" : ""}${flag.name}`;
  const value = flag.type === "option" ? ` ${flag.helpValue ?? (flag.options ? "<value>" : "<text>")}` : "";
  return `${flag.char === undefined ? "" : `-${flag.char}, `}${long}${value}${flag.multiple ? " ..." : ""}`;
}

function describeFlag(flag: ManifestFlag): string {
  const isOption = flag.type === "option";
  return sentences([
    flag.description ?? flag.summary ?? "",
    oneOf(flag.options),
    isOption && flag.default !== undefined ? `Default: \`${String(flag.default)}\`` : undefined,
    !isOption && flag.default === true ? "On by default" : undefined,
    flag.env === undefined ? undefined : `Taken from \`${flag.env}\` when it isn't given`,
    flag.exclusive?.length
      ? `Not with ${flag.exclusive.map((name) => `\`--${name}\``).join(", ")}`
      : undefined,
  ]);
}

function oneOf(options: readonly string[] | undefined): string | undefined {
  return options === undefined ? undefined : `One of ${options.map((option) => `\`${option}\``).join(", ")}`;
}

function sentences(parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(". ");
}

function examples({ examples: all = [] }: ManifestCommand): string[] {
  if (all.length === 0) return [];
  const commands = all.map((example) => render(typeof example === "string" ? example : example.command));
  return ["```sh", ...commands, "```", ""];
}

/** The only placeholder that our texts use. */
function render(text: string): string {
  return text.replaceAll("<%= config.bin %>", "pictl");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** As GitHub makes it of the heading. */
function anchor(command: ManifestCommand): string {
  return commandName(command).replaceAll(" ", "-");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(`${ROOT}docs/cli.md`, cliDocs());
}
