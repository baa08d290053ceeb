import type { ExecFileException } from "node:child_process";
import { runProgram } from "../../../core/outside/start-program.ts";
import type { Environment } from "../../../core/paths.ts";

/** As long as pi waits for such a command. */
const TIMEOUT = 10_000;
/** More is no key. */
const MAX_OUTPUT = 64 * 1024;

/**
 * Runs a `!command` of pi's files as pi does: by the shell, its output without white space around it.
 *
 * @throws Error when it fails, takes too long or says nothing; its output isn't in the message
 */
export function runCommand(command: string, env: Environment): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT, maxBuffer: MAX_OUTPUT, env, killSignal: "SIGKILL" as const };
    runProgram("/bin/sh", ["-c", command], options, (error, stdout) => {
      const text = stdout.trim();
      if (error === null && text !== "") resolve(text);
      else reject(new Error(`the command for the key ${problemOf(error)}`));
    });
  });
}

function problemOf(error: ExecFileException | null): string {
  if (error === null) return "printed nothing";
  const wasLate = error.killed && error.code !== "ERR_CHILD_PROCESS_STDIO_MAXBUFFER";
  return wasLate ? `did not end within ${TIMEOUT / 1000} s` : "failed";
}
