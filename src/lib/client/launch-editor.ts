import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { agentPlaces } from "../core/outside/agent-places.ts";
import { outsideEnvironment } from "../core/outside/environment.ts";
import { startProgram } from "../core/outside/start-program.ts";
import { type Environment, resolvePaths } from "../core/paths.ts";

/** What a shell exits with when it can't run a program, or can't find it. */
const NOT_RUNNABLE = [126, 127];

export interface EditOptions {
  /** Ending of the temporary file's name, by which editors choose how they show it (default `.md`). */
  suffix?: string;
  env?: Environment;
}

/**
 * Lets a person edit a text in `$VISUAL`, `$EDITOR` or else `vi`, and gives what was saved, without the newline
 * that editors put at the end. The variable is a shell's words, so that it may hold arguments
 * (`code --wait`). A bare name is not looked for where a sandboxed agent could have put it. The editor gets the terminal
 * even where stdin or stdout is something else. There is no time limit: a person decides. Whoever draws on the terminal has
 * to leave it first.
 *
 * @throws PictlError INVALID_INPUT when there is no terminal for an editor, when it can't be started or fails
 *   (`details.exitCode`), and when the text isn't UTF-8
 */
export async function editText(initial: string, options: EditOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const chosen = env.VISUAL?.trim() || env.EDITOR?.trim() || undefined;
  const terminal = openTerminal();
  try {
    if (terminal === undefined && chosen === undefined) {
      throw new PictlError("INVALID_INPUT", "There is no terminal to open an editor on.", {
        hint: "Set VISUAL or EDITOR to an editor that has a window of its own, or give the text as an argument.",
      });
    }
    return await editIn(chosen ?? "vi", { initial, suffix: options.suffix ?? ".md", env, terminal });
  } finally {
    if (terminal !== undefined) closeSync(terminal);
  }
}

interface Edit {
  initial: string;
  suffix: string;
  env: Environment;
  terminal: number | undefined;
}

async function editIn(editor: string, edit: Edit): Promise<string> {
  // A directory of its own takes with it what an editor leaves beside the file, such as a backup.
  const directory = mkdtempSync(join(tmpdir(), "pictl-edit-"));
  try {
    const file = join(directory, `text${edit.suffix}`);
    // With a newline at the end, which is taken off again: a program that adds a line expects one.
    writeFileSync(file, edit.initial === "" ? "" : `${edit.initial}\n`, { mode: 0o600, flag: "wx" });
    await runEditor(editor, file, edit);
    return readEdited(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runEditor(editor: string, file: string, { env, terminal }: Edit): Promise<void> {
  // stdout is for the answer: an editor without a terminal says what it says on stderr.
  const input = isatty(0) ? "inherit" : (terminal ?? "ignore");
  const output = isatty(1) ? "inherit" : (terminal ?? 2);
  // The keys that send these reach the editor as well, and are its own.
  const ignore = () => undefined;
  let ended: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals) => {
    ended = signal;
    child.kill(signal);
  };
  // Before the editor runs: it may be quicker than the next line.
  process.on("SIGINT", ignore).on("SIGQUIT", ignore).on("SIGTERM", end).on("SIGHUP", end);
  // exec: the editor takes the shell's place, so that signals reach it and not a shell that waits for it.
  const child = startProgram("/bin/sh", ["-c", `exec ${editor} "$@"`, editor, file], {
    cwd: process.cwd(),
    stdio: [input, output, "inherit"],
    env: outsideEnvironment(env, agentPlaces(resolvePaths(env).agentPlaces)),
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on("error", (error) => reject(editorError(editor, `could not be started: ${error.message}`)));
  child.on("close", (code, signal) => {
    if (code === 0) return resolve();
    const how = signal ? `was ended by ${signal}` : `exited with code ${code}`;
    const unknown = code !== null && NOT_RUNNABLE.includes(code);
    reject(editorError(editor, unknown ? `could not be run (exit code ${code})` : how, code ?? undefined));
  });
  try {
    await promise;
  } finally {
    process.off("SIGINT", ignore).off("SIGQUIT", ignore).off("SIGTERM", end).off("SIGHUP", end);
    // Nobody else catches it here, so it ends this process, after what was opened has been removed.
    if (ended !== undefined) setImmediate((signal) => process.kill(process.pid, signal), ended);
  }
}

function readEdited(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    // Some editors remove a file that was left empty.
    if (systemErrorCode(error) === "ENOENT") return "";
    throw error;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
  } catch (error) {
    throw new PictlError("INVALID_INPUT", "The text that the editor saved is not valid UTF-8.", {
      hint: "Nothing was sent. Have the editor save UTF-8.",
      cause: error,
    });
  }
}

function editorError(editor: string, how: string, exitCode?: number): PictlError {
  return new PictlError("INVALID_INPUT", `The editor \`${editor}\` ${how}.`, {
    hint: "Nothing was sent. Set VISUAL or EDITOR to an editor that waits until the file is closed.",
    details: { editor, ...(exitCode === undefined ? {} : { exitCode }) },
  });
}

/** The terminal of this process, whatever its streams are. */
function openTerminal(): number | undefined {
  try {
    return openSync("/dev/tty", "r+");
  } catch {
    // None: a service, a container, a pipeline's job.
    return undefined;
  }
}
