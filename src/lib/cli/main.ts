import { describeError } from "./describe-error.ts";
import { surviveClosedPipes } from "./output.ts";

/**
 * Runs one command line to its end. Sets `process.exitCode`; never calls `process.exit`, so that everything
 * written goes out.
 *
 * @param root directory of the package, where oclif finds its manifest
 */
export async function main(argv: string[], root: string): Promise<void> {
  surviveClosedPipes();
  const { runWithOclif } = await import("./oclif.ts");
  try {
    await runWithOclif(argv, root);
  } catch (error) {
    // Commands show their own errors; what arrives here is oclif's: an unknown command, or `--help` and the
    // like, which end by throwing.
    const exit = (error as { oclif?: { exit?: number } }).oclif?.exit;
    if (exit === 0) return;
    const { body, exitCode, stack } = describeError(error);
    if (argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error: body }, null, 2)}\n`);
    else process.stderr.write(`Error: ${body.message} [${body.code}]\n${body.hint ? `${body.hint}\n` : ""}`);
    if (stack !== undefined) process.stderr.write(`${stack}\n`);
    process.exitCode = exitCode;
  }
}
