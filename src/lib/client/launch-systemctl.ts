import { execFile } from "node:child_process";
import { PictlError } from "../core/errors.ts";

/** systemctl waits for the unit; a daemon that stops gives its turns half a minute. */
const SYSTEMCTL_TIMEOUT_MS = 90_000;

/**
 * Runs `systemctl --user` with these arguments.
 *
 * @throws PictlError DAEMON_START_FAILED with what it said
 */
export async function systemctl(args: readonly string[]): Promise<void> {
  const command = `systemctl --user ${args.join(" ")}`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  execFile("systemctl", ["--user", ...args], { timeout: SYSTEMCTL_TIMEOUT_MS }, (error, _, stderr) => {
    if (error === null) return resolve();
    const reason = stderr.trim().split("\n").at(-1) || error.message;
    reject(
      new PictlError("DAEMON_START_FAILED", `\`${command}\` failed: ${reason}.`, {
        hint: `Run it from a login session of yours (a container or cron has no systemd of the user).`,
        details: { command, reason },
      }),
    );
  });
  await promise;
}
