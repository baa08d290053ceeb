import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Interfaces, run } from "@oclif/core";
import { describeError, formatError } from "./describe-error.ts";
import { writeStderr, writeStdout } from "./output.ts";

/** Runs a command line with the whole of oclif: help, and its words about what is wrong with a command line. */
export async function runWithOclif(argv: string[], root: string, fromSource: boolean): Promise<void> {
  try {
    await run(argv, fromSource ? sourceOptions(root) : root);
  } catch (error) {
    // Commands show their own errors. What arrives here is oclif's: an unknown command, or the end of a help
    // page, which is thrown too.
    const exit = (error as { oclif?: { exit?: number } }).oclif?.exit;
    if (exit === 0) return;
    const { body, exitCode, stack } = describeError(error);
    if (argv.includes("--json")) await writeStdout(`${JSON.stringify({ error: body }, null, 2)}\n`);
    else await writeStderr(formatError(body));
    if (stack !== undefined) await writeStderr(`${stack}\n`);
    process.exitCode = exitCode;
  }
}

/** The commands of `src/`, which Node runs as they are, instead of those that the manifest and `dist/` hold. */
function sourceOptions(root: string): Interfaces.LoadOptions {
  const pjson = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Interfaces.PJSON;
  const commands = { strategy: "pattern", target: "./src/commands" } as const;
  return { root, ignoreManifest: true, pjson: { ...pjson, oclif: { ...pjson.oclif, commands } } };
}
