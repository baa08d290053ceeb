import { writeStderr } from "../output.ts";

/** Tells on stderr what a policy's files say in vain, or allow without it being seen. */
export async function writeWarnings(warnings: readonly string[]): Promise<void> {
  if (warnings.length === 0) return;
  const { sanitize } = await import("../render/text-width.ts");
  for (const warning of warnings) await writeStderr(`Warning: ${sanitize(warning)}\n`);
}
