import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { packagePlace } from "../core/package-place.ts";
import { watchOutput, writeStderr } from "./output.ts";

interface FastCommand {
  default: { run(argv: string[]): Promise<void> };
}

/**
 * Runs one command line to its end. Sets `process.exitCode` and never calls `process.exit`, so that everything
 * written goes out.
 *
 * An ordinary command line goes straight to its command, without oclif, whose loading takes longer than the
 * rest together. Everything else (help, an error in the command line, no such command) goes to oclif. Both run
 * the same command classes.
 *
 * @param root directory of the package, where oclif finds its manifest
 */
export async function run(argv: string[], root: string): Promise<void> {
  const outputFailure = watchOutput();
  makeHomeAbsolute(process.env);
  const { fromSource } = packagePlace();
  if (fromSource || !(await runFast(argv, join(root, "dist", "fast", "commands")))) {
    // Before oclif is imported: a part of it asks for the home at that moment.
    const { tolerateUnknownUser } = await import("./unknown-user.ts");
    tolerateUnknownUser();
    const listeners = process.stdout.listeners("error");
    const { runWithOclif } = await import("./oclif.ts");
    // oclif adds a listener that throws every error but EPIPE.
    for (const listener of process.stdout.listeners("error") as (() => void)[]) {
      if (!listeners.includes(listener)) process.stdout.off("error", listener);
    }
    await runWithOclif(argv, root, fromSource);
  }
  // A stream reports the error of a write one round of the event loop later.
  await new Promise((resolve) => setImmediate(resolve));
  const failure = outputFailure();
  if (failure === undefined) return;
  const { formatError } = await import("./describe-error.ts");
  await writeStderr(formatError(failure.toBody()));
  process.exitCode ||= failure.exitCode;
}

/**
 * The daemon, its agents and systemd's units get this variable too, and none of them runs in this directory: what is
 * meant from here must mean the same there.
 */
function makeHomeAbsolute(env: NodeJS.ProcessEnv): void {
  const { PICTL_HOME } = env;
  if (!PICTL_HOME || isAbsolute(PICTL_HOME)) return;
  try {
    env.PICTL_HOME = resolve(PICTL_HOME);
  } catch {
    // The working directory was removed: whoever needs a path says so.
  }
}

/** @returns false when nothing was done, because this command line is not an ordinary one */
async function runFast(argv: string[], commands: string): Promise<boolean> {
  const words = commandWords(argv, commands);
  if (words === 0) return false;
  const file = `${join(commands, ...argv.slice(0, words))}.js`;
  const command = (await import(pathToFileURL(file).href)) as FastCommand;
  try {
    await command.default.run(argv.slice(words));
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "NotOrdinary") return false;
    throw error;
  }
}

/**
 * How many words of a command line name its command: `session list` before `session`, and three where two are a
 * topic.
 *
 * @param commands directory with a file for each command
 * @returns 0 when there is no such command
 */
export function commandWords(argv: readonly string[], commands: string): number {
  const isCommand = (words: number) => existsSync(`${join(commands, ...argv.slice(0, words))}.js`);
  const [first, second, third] = argv.slice(0, 3).map((word) => /^[a-z][a-z-]*$/.test(word));
  if (!first) return 0;
  if (second && isCommand(2)) return 2;
  if (second && third && isCommand(3)) return 3;
  return isCommand(1) ? 1 : 0;
}
