import { PictlError } from "../../core/errors.ts";
import { withUmask } from "../../core/inherited.ts";
import { lastWordsOf } from "../../core/last-words.ts";
import type { Environment } from "../../core/paths.ts";
import { withoutChatter } from "./chatter.ts";
import type { PiCommand } from "./pi-command.ts";

/** pi renders a session of 100 MB in a few seconds. */
const EXPORT_TIMEOUT_MS = 120_000;
/** Enough to say why it failed. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/**
 * Has pi render a session file as HTML, without an agent (`pi --export`).
 *
 * @throws PictlError AGENT_COMMAND_FAILED with pi's own words, AGENT_TIMEOUT
 */
export async function exportHtml(
  pi: PiCommand,
  env: Environment,
  file: string,
  outputPath: string,
  umask: number | undefined,
): Promise<void> {
  // Rarely needed, and large: a daemon starts without it.
  const { execa } = await import("execa");
  const [program = "", ...args] = pi.argv;
  const result = await withUmask(umask, () =>
    execa(program, [...args, "--export", file, outputPath], {
      cwd: "/",
      env: env as Record<string, string>,
      extendEnv: false,
      stdin: "ignore",
      timeout: EXPORT_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      reject: false,
    }),
  );
  if (!result.failed) return;
  if (result.timedOut) {
    const message = `pi did not export the session within ${EXPORT_TIMEOUT_MS / 1000} s.`;
    const hint = "The machine may be busy: try again, or export as jsonl or md.";
    throw new PictlError("AGENT_TIMEOUT", message, { hint, details: { file }, retryable: true });
  }
  const words = lastWordsOf(withoutChatter(result.stderr)) || result.shortMessage || "no reason given";
  throw new PictlError("AGENT_COMMAND_FAILED", `pi could not export the session: ${words}`);
}
