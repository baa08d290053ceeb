import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Interfaces, run } from "@oclif/core";
import { jsonText } from "../core/json-text.ts";
import { describeError, formatError } from "./describe-error.ts";
import { readManifest } from "./manifest.ts";
import { writeStderr, writeStdout } from "./output.ts";
import { unknownCommand } from "./suggest.ts";

/** Runs a command line with the whole of oclif: help, and its words about what is wrong with a command line. */
export async function runWithOclif(argv: string[], root: string, fromSource: boolean): Promise<void> {
  // oclif has the word as a plugin of its own; a flag says the same.
  const line = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
  try {
    await run(line, fromSource ? sourceOptions(root) : root);
  } catch (error) {
    // Commands show their own errors. What arrives here is oclif's: an unknown command, or the end of a help
    // page, which is thrown too.
    const exit = (error as { oclif?: { exit?: number } }).oclif?.exit;
    if (exit === 0) return;
    const { body, exitCode, stack } = describeError(
      isUnknownCommand(error) ? unknownCommand(line, readManifest(root)) : error,
    );
    if (argv.includes("--json")) await writeStdout(`${jsonText({ error: body }, 2)}\n`);
    else await writeStderr(formatError(body));
    if (stack !== undefined) await writeStderr(`${stack}\n`);
    process.exitCode = exitCode;
  }
}

function isUnknownCommand(error: unknown): boolean {
  return error instanceof Error && "oclif" in error && /^command .* not found\.?$/is.test(error.message);
}

/** The commands of `src/`, which Node runs as they are, instead of those that the manifest and `dist/` hold. */
function sourceOptions(root: string): Interfaces.LoadOptions {
  const pjson = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Interfaces.PJSON;
  const commands = { strategy: "pattern", target: "./src/commands" } as const;
  const helpClass = "./src/lib/cli/help/help-class.ts";
  return { root, ignoreManifest: true, pjson: { ...pjson, oclif: { ...pjson.oclif, commands, helpClass } } };
}
