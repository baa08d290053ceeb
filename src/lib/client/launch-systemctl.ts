import { PictlError } from "../core/errors.ts";
import { lastWordsOf } from "../core/last-words.ts";
import { findSystemProgram, SYSTEM_PATH } from "../core/outside/find-program.ts";
import { runProgram } from "../core/outside/start-program.ts";

/** systemctl waits for the unit; a daemon that stops gives its turns half a minute. */
const SYSTEMCTL_TIMEOUT_MS = 90_000;

/**
 * Runs `systemctl --user` with these arguments.
 *
 * @throws PictlError DAEMON_START_FAILED with what it said, TIMEOUT
 */
export async function systemctl(args: readonly string[]): Promise<void> {
  const command = `systemctl --user ${args.join(" ")}`;
  const program = findSystemProgram("systemctl");
  if (program === undefined) {
    throw new PictlError("DAEMON_START_FAILED", `\`${command}\` can't be run: systemctl is not installed.`, {
      hint: "Use `pictl daemon run` under another supervisor.",
      details: { command },
    });
  }
  const { HOME, LANG, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = process.env;
  const env = { PATH: SYSTEM_PATH, HOME, LANG, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  runProgram(program, ["--user", ...args], { timeout: SYSTEMCTL_TIMEOUT_MS, env }, (error, _, stderr) => {
    if (error === null) return resolve();
    if (error.killed) {
      const message = `\`${command}\` did not end within ${SYSTEMCTL_TIMEOUT_MS / 1000} s.`;
      const hint = "See `systemctl --user status`, or try again.";
      return reject(new PictlError("TIMEOUT", message, { hint, details: { command }, retryable: true }));
    }
    const reason = lastWordsOf(stderr.trim()).replaceAll("\n", " ").replace(/\.$/, "") || error.message;
    reject(
      new PictlError("DAEMON_START_FAILED", `\`${command}\` failed: ${reason}.`, {
        hint: `Run it from a login session of yours (a container or cron has no systemd of the user).`,
        details: { command, reason },
      }),
    );
  });
  await promise;
}
