import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { sandboxProfiles } from "../src/lib/core/choices.ts";
import { resolvePaths } from "../src/lib/core/paths.ts";
import { formatSize } from "../src/lib/core/size.ts";
import { HOME_CREDENTIALS, MOVED_BY, SYSTEM_CREDENTIALS } from "../src/lib/sandbox/policy/credentials.ts";
import { formatHostRule } from "../src/lib/sandbox/policy/hosts.ts";
import { fixedDenials, PROFILES, type Profile } from "../src/lib/sandbox/policy/profiles.ts";
import {
  GIT_ENTRIES,
  type GitEntry,
  HARMLESS,
  LATER_FILES,
  NOT_LISTED,
  TOOL_CACHES,
} from "../src/lib/sandbox/runs-later/catalogue.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const BEGIN = "<!-- Begin of what `npm run docs:sandbox` writes from src/lib/sandbox/policy. -->";
const BEGIN_CATALOGUE =
  "<!-- Begin of what `npm run docs:sandbox` writes from src/lib/sandbox/runs-later/catalogue.ts. -->";
const END = "<!-- End of what `npm run docs:sandbox` writes. -->";
const WIDTH = 120;

/** docs/sandbox.md with the profiles as the code has them. A test compares it with the file. */
export function sandboxDocs(root: string = ROOT): string {
  return withPart(`${root}docs/sandbox.md`, BEGIN, profiles());
}

/** docs/sandbox-review.md with the catalogue as the code has it. A test compares it with the file. */
export function reviewDocs(root: string = ROOT): string {
  return withPart(`${root}docs/sandbox-review.md`, BEGIN_CATALOGUE, catalogue());
}

function withPart(file: string, begin: string, part: string): string {
  const [before, rest] = readFileSync(file, "utf8").split(begin);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} has lost its marks`);
  return `${before}${begin}\n\n${part}\n${END}${after}`;
}

function catalogue(): string {
  const table = (title: string, rows: readonly (readonly string[])[]) => [
    `| ${title} |`,
    `|${"---|".repeat(title.split("|").length)}`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
    "",
  ];
  return [
    "## What is shown",
    "",
    "At any depth. `*` is any part of a name, `/**` all in a directory.",
    "",
    ...LATER_FILES.flatMap(({ kind, title, files }) => [
      `**${title}** (\`${kind}\`)`,
      "",
      ...table(
        "files | why",
        files.map(({ at, because }) => [code(at), because]),
      ),
    ]),
    "**git** (`git`): in `.git`, in each submodule and linked worktree below it, in a bare repository wherever it lies, and",
    "where a `.git` file and `commondir` lead in the workspace; also what `core.hooksPath` and `include.path` of their",
    "configuration name.",
    "",
    ...table(
      "below the git directory | held in the workspace's repository | why",
      GIT_ENTRIES.map((entry) => [`\`${entry.name}\``, heldHow(entry), entry.because]),
    ),
    "**links in a git directory** (`git-link`), however deep, save beside the objects themselves: git outside would write or",
    "delete where they lead. They aren't followed, and those that were there before aren't shown.",
    "",
    "**files that git takes for unchanged** (`git-hidden`, shown as `hidden`): [below](#so-that-git-diff-shows-all).",
    "",
    "**links that lead out of the workspace** (`link`), wherever they lie: a build, a test or `nohup` outside would write",
    "through them. Those that were there before, with the same target, aren't shown; of more than 1,000 the rest is counted.",
    "",
    "**set-user-ID and set-group-ID bits** (`set-id`) on any file; **links in the place of installed packages** (`installed`).",
    "",
    "## What is only counted",
    "",
    "These hold too much to be kept. A review says how many of their entries changed since the baseline.",
    "",
    ...table(
      "directory | what it holds",
      Object.entries(NOT_LISTED).map(([path, because]) => [`\`${path}\``, because]),
    ),
    "## What was looked at and left out",
    "",
    ...table(
      "file | what it says",
      Object.entries(HARMLESS).map(([path, because]) => [`\`${path}\``, because]),
    ),
    "## Caches that tools of `development` write in a home",
    "",
    ...table(
      "cache | holds | why",
      TOOL_CACHES.map(({ path, holds, because }) => [`\`${path}\``, holds, because]),
    ),
  ].join("\n");
}

function heldHow({ held, isWritten }: GitEntry): string {
  if (isWritten) return "in its place, and can be written";
  if (held.includes("repository")) return "read-only";
  if (held.includes("worktree")) return "read-only, of linked worktrees";
  return held.includes("outside") ? "read-only, in a git directory elsewhere" : "no";
}

function profiles(): string {
  const row = (title: string, cell: (profile: Profile) => string) =>
    `| ${title} | ${sandboxProfiles.map((name) => cell(PROFILES[name])).join(" | ")} |`;
  return [
    `| | ${sandboxProfiles.map((name) => `\`${name}\``).join(" | ")} |`,
    "|---|---|---|---|",
    row("in short", ({ summary }) => summary),
    row("can be read", ({ read }) =>
      read.length === 1 ? "everything but what is denied" : "the system's directories (below), the workspace",
    ),
    row("home", ({ home }) => (home === "read" ? "as it is, read-only" : "an empty one of its own")),
    row("can be written", ({ allowWrite }) =>
      allowWrite.length === 1
        ? "the workspace, its own `/tmp`"
        : "the workspace, its own `/tmp`, the tools' caches (below)",
    ),
    row("`network`", ({ network }) =>
      network.kind === "hosts" ? "the model's hosts and the registries (below)" : `\`"${network.kind}"\``,
    ),
    row("`isolate_pid`", ({ isolatePid }) => `\`${isolatePid}\``),
    row("`max_processes`", ({ maxProcesses }) => `\`${maxProcesses}\``),
    row("`max_open_files`", ({ maxOpenFiles }) => `\`${maxOpenFiles}\``),
    row("`max_memory`", ({ maxMemory }) => `\`"${formatSize(maxMemory)}"\``),
    row("`tmp_size`", ({ tmpSize }) => `\`"${formatSize(tmpSize)}"\``),
    row("`env`", ({ env }) => `${env.length} names (below)`),
    "",
    paragraph("The system's directories, for `strict`", PROFILES.strict.read),
    paragraph("The tools' caches, for `development`", PROFILES.development.allowWrite.slice(1)),
    paragraph("The registries, for `development`", hosts(PROFILES.development)),
    paragraph("Variables in all profiles", PROFILES.strict.env),
    paragraph("and in `development` and `minimal`", without(PROFILES.development.env, PROFILES.strict.env)),
    paragraph("and in `minimal`", without(PROFILES.minimal.env, PROFILES.development.env)),
    ...wrap(
      `**Denied in all profiles**: ${Object.keys(HOME_CREDENTIALS).join("; ")}; what only root of the machine could read; homes of other people; pi's logins and sessions, and all of pictl's. [sandbox-denied.md](sandbox-denied.md) has every place.`,
      "",
    ),
    "",
  ].join("\n");
}

/** docs/sandbox-denied.md, whole. */
export function deniedDocs(): string {
  return [
    "# What every sandbox is denied",
    "",
    ...wrap(
      "These places, and all below them, are neither read nor written in a sandbox, whatever its profile. An `allow_read` of exactly one of them lifts it ([sandbox.md](sandbox.md#sandboxtoml)); `pictl sandbox explain PATH` says what holds. `npm run docs:sandbox` writes this page from `src/lib/sandbox/policy/credentials.ts`.",
      "",
    ),
    "",
    ...Object.entries(HOME_CREDENTIALS).map(([what, paths]) =>
      bullet(
        what,
        paths.map((path) => `~/${path}`),
      ),
    ),
    bullet("of the machine, which root could read", SYSTEM_CREDENTIALS),
    `- homes of other people (\`/root\`, and those in \`/home\`), save one that pictl's Node is in`,
    bullet("of pi and pictl; no file lifts these", own()),
    "",
    ...wrap(
      `Where one of these variables has moved a place, the place it names is denied as well: ${Object.keys(
        MOVED_BY,
      )
        .map((name) => `\`${name}\``)
        .join(", ")}, and \`XDG_CONFIG_HOME\`, \`XDG_DATA_HOME\`, \`XDG_STATE_HOME\`, \`XDG_CACHE_HOME\`.`,
      "",
    ),
    "",
  ].join("\n");
}

function own(): string[] {
  const env = { HOME: "~", XDG_RUNTIME_DIR: "/run/user/UID" };
  return fixedDenials({ home: "~", workspace: "~", env, paths: resolvePaths(env, 1000) });
}

function hosts({ network }: Profile): string[] {
  return network.kind === "hosts" ? network.allow.map(formatHostRule) : [];
}

function without(all: readonly string[], some: readonly string[]): string[] {
  return all.filter((name) => !some.includes(name));
}

function paragraph(title: string, entries: readonly string[]): string {
  return [...wrap(`${title}: ${code(entries)}.`, ""), ""].join("\n");
}

function bullet(title: string, entries: readonly string[]): string {
  return wrap(`- ${title}: ${code(entries)}`, "  ").join("\n");
}

function code(entries: readonly string[]): string {
  return entries.map((entry) => `\`${entry}\``).join(", ");
}

/** Broken at spaces outside of code. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${word}`);
  }
  return lines;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(`${ROOT}docs/sandbox.md`, sandboxDocs());
  writeFileSync(`${ROOT}docs/sandbox-review.md`, reviewDocs());
  writeFileSync(`${ROOT}docs/sandbox-denied.md`, deniedDocs());
}
