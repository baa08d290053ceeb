import { run } from "@oclif/core";

/** Runs a command line with the whole of oclif: help, completion of topics, and its error messages. */
export async function runWithOclif(argv: string[], root: string): Promise<void> {
  await run(argv, root);
}
