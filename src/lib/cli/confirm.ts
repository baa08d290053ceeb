import { createInterface } from "node:readline/promises";
import { PictlError } from "../core/errors.ts";
import { sanitize } from "./render/text-width.ts";

export interface ConfirmOptions {
  input?: NodeJS.ReadStream;
  output?: NodeJS.WriteStream;
}

/** @throws PictlError CONFIRMATION_REQUIRED where nobody can be asked */
export function requireTerminal(
  action: string,
  { input = process.stdin, output = process.stderr }: ConfirmOptions = {},
): void {
  if (input.isTTY === true && output.isTTY === true) return;
  throw new PictlError(
    "CONFIRMATION_REQUIRED",
    `${action} needs a confirmation, and there is no terminal to ask on.`,
    {
      hint: "Add --yes.",
    },
  );
}

/** Asks on stderr. Anything but y or yes is no; Ctrl-C ends the process as if nothing had caught it. */
export async function confirm(question: string, options: ConfirmOptions = {}): Promise<boolean> {
  const { input = process.stdin, output = process.stderr } = options;
  const reader = createInterface({ input, output });
  const ended = new AbortController();
  let interrupted = false;
  reader.on("SIGINT", () => {
    interrupted = true;
    reader.close();
  });
  reader.on("close", () => ended.abort());
  try {
    const answer = await reader.question(`${sanitize(question)} [y/N] `, { signal: ended.signal });
    return /^\s*y(es)?\s*$/i.test(answer);
  } catch (error) {
    // Ctrl-D and Ctrl-C leave the question open; neither is a yes.
    if (!ended.signal.aborted) throw error;
    output.write("\n");
    return false;
  } finally {
    reader.close();
    if (interrupted) process.kill(process.pid, "SIGINT");
  }
}
