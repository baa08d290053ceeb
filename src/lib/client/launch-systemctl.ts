import { execFile } from "node:child_process";
import { PictlError } from "../core/errors.ts";
import { lastWordsOf } from "../core/last-words.ts";

/** systemctl waits for the unit; a daemon that stops gives its turns half a minute. */
const SYSTEMCTL_TIMEOUT_MS = 90_000;

/**
 * Runs `systemctl --user` with these arguments.
 *
 * @throws PictlError DAEMON_START_FAILED with what it said, TIMEOUT
 */
export async function systemctl(args: readonly string[]): Promise<void> {
  const command = `systemctl --user ${args.join(" ")}`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  execFile("systemctl", ["--user", ...args], { timeout: SYSTEMCTL_TIMEOUT_MS }, (error, _, stderr) => {
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
