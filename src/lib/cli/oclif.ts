import { run } from "@oclif/core";
import { describeError, formatError } from "./describe-error.ts";
import { writeStderr, writeStdout } from "./output.ts";

/** Runs a command line with the whole of oclif: help, and its words about what is wrong with a command line. */
export async function runWithOclif(argv: string[], root: string): Promise<void> {
  try {
    await run(argv, root);
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
