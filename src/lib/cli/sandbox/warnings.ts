import { writeStderr } from "../output.ts";

/** Prints warnings of the daemon on stderr, such as parts of a policy that have no effect. */
export async function writeWarnings(warnings: readonly string[]): Promise<void> {
  await writeStderr(warnings.map((warning) => `Warning: ${warning}\n`).join(""));
}
