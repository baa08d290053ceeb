import { PictlError } from "../../core/errors.ts";
import { type RefusedProgram, searchProgram } from "../../core/outside/find-program.ts";
import type { Environment } from "../../core/paths.ts";

const INSTALL =
  "Install it: apt-get install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora), pacman -S bubblewrap (Arch).";

/**
 * The bubblewrap of this machine, found by PATH.
 *
 * @param places in which sandboxed agents can write, as real paths: it is never taken from there
 * @throws PictlError SANDBOX_UNAVAILABLE (exit code 7) with the line that installs it
 */
export function findBubblewrap(environment: Environment, places: readonly string[]): string {
  if (process.platform !== "linux") {
    throw new PictlError(
      "SANDBOX_UNAVAILABLE",
      `There is no sandbox for ${process.platform} yet: it needs Linux.`,
      {
        hint: "Use it in a Linux machine or container, or go on without: `pictl prompt --no-sandbox`, where your policy allows it.",
        details: { platform: process.platform },
      },
    );
  }
  const { path, refused } = searchProgram("bwrap", environment, places);
  if (path !== undefined) return path;
  throw new PictlError("SANDBOX_UNAVAILABLE", `A sandbox was asked for, and ${problem(refused)}.`, {
    hint: INSTALL,
    details: { program: "bwrap", ...refused },
  });
}

function problem(refused: RefusedProgram | undefined): string {
  return refused === undefined
    ? "bubblewrap (bwrap) is not on PATH"
    : `the only bubblewrap on PATH, ${refused.path}, isn't run: agents in sandboxes can write to ${refused.place}`;
}

/** What bubblewrap's own message means, with what to do. Messages as of bubblewrap 0.8 to 0.11. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /(No permissions to create new namespace|setting up uid map: Permission denied|Creating new namespace failed: Operation not permitted)/,
    "The kernel doesn't let this user make namespaces. On Ubuntu 23.10 and later AppArmor forbids it: allow bwrap with a profile that has `userns,` (sudo apt-get install apparmor-profiles), or sysctl kernel.apparmor_restrict_unprivileged_userns=0. Elsewhere: sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0. In a container: run it with --security-opt seccomp=unconfined.",
  ],
  [
    /(Can't mount proc|mounting proc)/i,
    "The kernel doesn't allow a new /proc here, as in most containers: run the container with --security-opt systempaths=unconfined.",
  ],
  [/(Unknown option|unrecognized)/i, "This bubblewrap is too old: 0.8 or later is needed."],
  [
    /disable-userns|max_user_namespaces/,
    "Nested user namespaces can't be forbidden here: bubblewrap 0.8 or later and a writable /proc/sys/user are needed.",
  ],
];

/**
 * bubblewrap's complaint as an error people can act on, or undefined when what ended said nothing of the kind.
 *
 * @param stderr what it printed, the sandboxed program's own lines included
 */
export function bubblewrapFailure(stderr: string): PictlError | undefined {
  const line = stderr.split("\n").find((text) => text.startsWith("bwrap: "));
  if (line === undefined) return undefined;
  const hint = REASONS.find(([pattern]) => pattern.test(line))?.[1];
  return new PictlError(
    "SANDBOX_UNAVAILABLE",
    `The sandbox can't be made: ${line.slice("bwrap: ".length).replace(/\.+$/, "")}.`,
    {
      hint: hint ?? "Run `pictl sandbox check`, which names the part that fails.",
      details: { stderr: line },
    },
  );
}
