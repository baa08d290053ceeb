import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { stopDaemon } from "../src/lib/client/stop-daemon.ts";

/**
 * Runs the examples of README.md and docs/: the `console` blocks of a page, in order, in one shell that starts in an
 * empty directory. `npm run docs:examples [PAGE…]` writes what they print into the pages; a test compares.
 *
 * A comment in front of a block says what can't be run: `<!-- example: skip REASON -->`. A line `…` in a page stands for
 * any lines.
 */
const ROOT = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");
/** What V8 has compiled of pictl and of pi, for all pages: else each would have it done again. */
const COMPILED = join(ROOT, "node_modules/.cache/pictl/compiled");
/** Where pages say that pictl, its user and the project are. */
const SHOWN_ROOT = "/home/me/.local/lib/node_modules/pictl";
const SHOWN_HOME = "/home/me";
const ELLIPSIS = "…";
/** A page's examples take a few seconds; a shell that hangs must show as a failure. */
const PAGE_TIMEOUT_MS = 240_000;
/** Ends each command's output: a byte that no command prints, and the line that the command stands in. */
const MARK = "\u0001";

export interface Command {
  /** Index of its first line in the page. */
  line: number;
  text: string;
  /** Index of the first line behind its output. */
  end: number;
  output: string[];
}

export interface Example {
  line: number;
  commands: Command[];
  /** Why it isn't run. */
  skip?: string;
}

/** The `console` blocks of a Markdown page. */
export function readExamples(page: string): Example[] {
  const lines = page.split("\n");
  const examples: Example[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (lines[at] !== "```console") continue;
    const skip = /^<!-- example: skip (.+) -->$/.exec(lines[at - 1] ?? "")?.[1];
    const end = lines.indexOf("```", at);
    if (end < 0) throw new Error(`line ${at + 1}: the block has no end`);
    examples.push({ line: at, commands: readCommands(lines, at + 1, end), ...(skip && { skip }) });
    at = end;
  }
  return examples;
}

function readCommands(lines: string[], begin: number, end: number): Command[] {
  const commands: Command[] = [];
  for (let at = begin; at < end; ) {
    const first = lines[at] ?? "";
    if (!first.startsWith("$ "))
      throw new Error(`line ${at + 1}: neither a command nor its output: ${first}`);
    const line = at++;
    let text = first.slice(2);
    while (isOpen(text) && at < end) text += `\n${lines[at++]}`;
    const output: string[] = [];
    while (at < end && !lines[at]?.startsWith("$ ")) output.push(lines[at++] ?? "");
    commands.push({ line, text, end: at, output });
  }
  return commands;
}

/** Whether a command goes on in the next line. */
function isOpen(text: string): boolean {
  const delimiter = /<<-?\s*['"]?(\w+)['"]?/.exec(text)?.[1];
  if (delimiter !== undefined) return !text.split("\n").includes(delimiter);
  if (/(\\|\||&&)$/.test(text)) return true;
  try {
    execFileSync("bash", ["-n", "-c", text], { stdio: "ignore" });
    return false;
  } catch {
    return true;
  }
}

/** @returns what each command printed on stdout and stderr, as the page shows it, by the line of the command */
export async function runExamples(examples: Example[]): Promise<Map<number, string[]>> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-docs-")));
  const home = join(root, SHOWN_HOME);
  const env: Record<string, string> = {
    PATH: [
      join(root, "bin"),
      ...(process.env.PATH ?? "").split(delimiter).filter((each) => !isOwn(each)),
    ].join(delimiter),
    HOME: home,
    XDG_RUNTIME_DIR: join(root, "run"),
    TMPDIR: join(root, "tmp"),
    LANG: "C.UTF-8",
    PI_OFFLINE: "1",
    GIT_CONFIG_GLOBAL: join(root, "gitconfig"),
  };
  try {
    for (const each of ["bin", "run", "tmp", `${SHOWN_HOME}/project`, `${SHOWN_HOME}/.cache/pictl`])
      mkdirSync(join(root, each), { recursive: true });
    mkdirSync(COMPILED, { recursive: true });
    for (const each of [join(home, ".cache/pictl/compiled"), join(root, "tmp/node-compile-cache")])
      symlinkSync(COMPILED, each);
    chmodSync(join(root, "run"), 0o700);
    symlinkSync(join(ROOT, "bin", "run.js"), join(root, "bin", "pictl"));
    writeFileSync(
      join(root, "gitconfig"),
      "[user]\nname = me\nemail = me@example.com\n[init]\ndefaultBranch = main\n",
    );
    const script = join(root, "script.sh");
    writeFileSync(script, scriptOf(examples));
    const printed = await run(script, join(home, "project"), env);
    // pi names a project's directory of sessions after its path.
    const shown = printed
      .replaceAll(root, "")
      .replaceAll(root.replaceAll("/", "-"), "")
      .replaceAll(ROOT, SHOWN_ROOT);
    return new Map(
      [...shown.matchAll(new RegExp(`([^${MARK}]*)${MARK}(\\d+)\n`, "g"))].map(([, text = "", line]) => [
        Number(line),
        text === "" ? [] : text.replace(/\n$/, "").split("\n"),
      ]),
    );
  } finally {
    await stopDaemon({ now: true }, env);
    rmSync(root, { recursive: true, force: true });
  }
}

/** npm puts the project's own programs first, pi among them, which a user's shell doesn't have. */
function isOwn(directory: string): boolean {
  return directory.startsWith(`${ROOT}/`);
}

function scriptOf(examples: Example[]): string {
  const commands = examples.flatMap(({ commands, skip }) => (skip === undefined ? commands : []));
  return commands.map(({ text, line }) => `${text}\nprintf '${MARK}%d\\n' ${line}\n`).join("");
}

function run(script: string, cwd: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", 'exec bash "$0" 2>&1', script], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    let printed = "";
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      reject(new Error(`the examples did not end within ${PAGE_TIMEOUT_MS} ms\n${printed}`));
    }, PAGE_TIMEOUT_MS);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    child.on("error", reject);
    child.on("exit", () => {
      clearTimeout(timer);
      // A background command of an example may still hold the pipe.
      child.stdout.destroy();
      resolve(printed);
    });
  });
}

/** What differs from run to run: ids, times, process numbers, and the widths of columns that hold them. */
const MASKS: [RegExp, string][] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "<uuid>"],
  [/\b\d{4}-\d\d-\d\dT[\d:.-]+Z/g, "<time>"],
  [/\b\d{4}-\d\d-\d\d( \d\d:\d\d)?( UTC)?/g, "<time>"],
  [/\b\d\d:\d\d:\d\d\.\d{3}\b/g, "<time>"],
  [/\b[0-9a-f]{7,8}\.\.[0-9a-f]{7,8}\b/g, "<hashes>"],
  [/\b[0-9a-f]{8}\b/g, "<id>"],
  [/\b\d+(\.\d+)?( ?m?s\b| min\b)/g, "<duration>"],
  [/(durationMs|seq|pid|client|agent|ms)("?[:=] ?)\d+/g, "$1$2<n>"],
  [/\b(process|daemon|Process) \d+/g, "$1 <n>"],
  [/\b(\d+[smhd] ago|now)\b/g, "<age>"],
  [/[\d,]+ MiB are free/, "<n> MiB are free"],
  [/\b(Node|pi) \d+\.\d+\.\d+/g, "$1 <version>"],
  [/ {2,}/g, "  "],
  [/─+/g, "─"],
  [/ +$/, ""],
];

function mask(line: string): string {
  return MASKS.reduce((text, [pattern, by]) => text.replace(pattern, by), line);
}

/** Whether what a page shows is what was printed, but for what differs from run to run. */
export function isSameOutput(shown: string[], printed: string[]): boolean {
  const [first, ...rest] = shown;
  if (first === undefined) return printed.length === 0;
  if (first === ELLIPSIS) {
    return printed.some((_, at) => isSameOutput(rest, printed.slice(at))) || isSameOutput(rest, []);
  }
  const [line, ...others] = printed;
  return line !== undefined && mask(first) === mask(line) && isSameOutput(rest, others);
}

/** Writes into a page what its commands printed, where that differs. */
async function rewrite(path: string): Promise<void> {
  const page = readFileSync(path, "utf8");
  const lines = page.split("\n");
  const examples = readExamples(page);
  const outputs = await runExamples(examples);
  const commands = examples.flatMap(({ commands, skip }) => (skip === undefined ? commands : []));
  for (const { line, end, text, output } of commands.reverse()) {
    const printed = outputs.get(line);
    if (printed === undefined) throw new Error(`${path}:${line + 1}: did not end: ${text}`);
    if (isSameOutput(output, printed)) continue;
    if (output.includes(ELLIPSIS))
      process.stderr.write(`${path}:${line + 1}: cut it again by hand: ${text}\n`);
    lines.splice(end - output.length, output.length, ...printed);
  }
  writeFileSync(path, lines.join("\n"));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const path of process.argv.slice(2)) await rewrite(path);
}
