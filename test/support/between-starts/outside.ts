import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { commandWords } from "../../../src/lib/cli/main.ts";
import { packagePlace } from "../../../src/lib/core/package-place.ts";
import { realPath } from "../../../src/lib/core/real-path.ts";
import type { SessionFile } from "../../../src/lib/core/session-files/locate.ts";
import { LONG } from "../speed.ts";
import { filled, TARGETS } from "./actions.ts";
import { type Place, SESSION } from "./place.ts";
import { listOwn, type Reading, read } from "./readings.ts";

/** What a user does outside with what an agent has left. */
export type Command =
  | {
      cwd: "." | "sub";
      /** `@NAME@` stands for a path, as in the texts of the actions. */
      words: string[];
    }
  | { reads: Reading };

const target = fc.constantFrom(...TARGETS);
const readings = ["system prompt", "attached file", "what runs later"] satisfies Reading[];
const STARTING_PI = [["session", "export", SESSION, "-f", "html", "-o", "out/x.html", "--force"], ["doctor"]];

const words = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom<string[]>(
      ["session", "list", "--json"],
      ["session", "list", "--all"],
      ["session", "show", SESSION, "--json"],
      ["session", "last", SESSION],
      ["session", "export", SESSION],
      ["session", "export", SESSION, "-f", "jsonl"],
      ["sandbox", "show", "--json"],
      ["sandbox", "review", SESSION],
      ["sandbox", "log"],
      ["config", "show"],
      ["config", "path"],
      ["history", "search", "canary"],
      ["history", "search", "canar.", "--regex"],
      ["history", "list"],
      ["history", "show", SESSION],
      ["config", "get", "model"],
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom<string[]>(
      ["session", "export", SESSION, "-o", "report.md"],
      ["session", "export", SESSION, "-o", "report.md", "--force"],
      ["session", "export", SESSION, "-f", "jsonl", "-o", "out/x.jsonl", "--force"],
      ["history", "export", "hello"],
      ["config", "set", "--workspace", "model", "scripted/echo"],
      ["config", "unset", "--workspace", "model"],
      ["sandbox", "init", "--workspace"],
    ),
  },
  { weight: 2, arbitrary: target.map((to) => ["sandbox", "explain", `@${to}@`]) },
  // Those start pi, which takes half a second.
  ...(LONG ? [{ weight: 1, arbitrary: fc.constantFrom(...STARTING_PI) }] : []),
);

/** Reading takes a tenth of what a command does. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ cwd: fc.constantFrom(".", ".", "sub"), words }) },
  { weight: 2, arbitrary: fc.record({ reads: fc.constantFrom(...readings) }) },
);

/** Runs commands in this process: each costs a tenth of what a process of its own does. */
export class Outside {
  readonly #place: Place;
  readonly #commands = join(packagePlace().root, "dist/fast/commands");
  #listed: SessionFile[] = [];

  constructor(place: Place) {
    this.#place = place;
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, place.env);
  }

  /**
   * What a command prints, on stdout and stderr, and its exit code; undefined where its directory is gone, closed, or
   * elsewhere, which its user would know.
   */
  async run(command: Command): Promise<{ output: string; exitCode: number } | undefined> {
    if ("reads" in command)
      return { output: await read(command.reads, this.#place, this.#listed), exitCode: 0 };
    return await this.#run(command);
  }

  /** Looks where sessions are, as pictl does before it reads one. */
  look(): void {
    this.#listed = listOwn(this.#place);
  }

  async #run({ cwd, words }: Extract<Command, { words: unknown }>) {
    const argv = words.map((word) => filled(word, this.#place));
    const before = process.cwd();
    const directory = join(this.#place.workspace, cwd);
    if (realPath(directory) !== directory) return undefined;
    try {
      process.chdir(directory);
    } catch {
      return undefined;
    }
    const count = commandWords(argv, this.#commands);
    if (count === 0) throw new Error(`there is no command ${words.join(" ")}`);
    const { default: fast } = (await import(
      pathToFileURL(`${join(this.#commands, ...argv.slice(0, count))}.js`).href
    )) as { default: { run(argv: string[]): Promise<void> } };
    let output = "";
    const writes = [process.stdout, process.stderr].map((stream) => [stream, stream.write] as const);
    for (const [stream] of writes)
      stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
        output += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1");
        for (const each of rest) if (typeof each === "function") each();
        return true;
      }) as typeof stream.write;
    try {
      await fast.run(argv.slice(count));
      return { output, exitCode: Number(process.exitCode ?? 0) };
    } finally {
      for (const [stream, write] of writes) stream.write = write;
      process.exitCode = 0;
      process.chdir(before);
    }
  }

  /** The most memory that the daemon has had, in bytes; 0 where none runs. */
  daemonPeak(): number {
    try {
      const pid = readFileSync(this.#place.paths.pid, "utf8").trim();
      const peak = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      return Number(peak ?? 0) * 1024;
    } catch {
      return 0;
    }
  }
}
