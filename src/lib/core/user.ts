import { homedir } from "node:os";
import { PictlError } from "./errors.ts";

/** An environment, as far as it matters here. */
interface WithHome {
  HOME?: string | undefined;
}

/**
 * The user's id. Not from `os.userInfo()`: that needs an entry in the password file, which the user of a container
 * often lacks (`docker run --user 1001`, OpenShift).
 */
export function userId(): number {
  // Node has no ids on Windows, where -1 is what `os.userInfo()` reports too.
  return process.getuid?.() ?? -1;
}

/**
 * The home directory of a shell: its `HOME`, else what the password file says.
 *
 * @throws PictlError HOME_NOT_SET where neither names one
 */
export function homeOf(env: WithHome): string {
  const home = findHome(env);
  if (home !== undefined) return home;
  throw new PictlError(
    "HOME_NOT_SET",
    `HOME is not set, and user ${userId()} has no entry in the password file.`,
    { hint: "Set HOME to a directory of yours that can be written.", details: { uid: userId() } },
  );
}

/** The same, or undefined where neither names one. */
export function findHome(env: WithHome): string | undefined {
  if (env.HOME) return env.HOME;
  try {
    return homedir() || undefined;
  } catch {
    // The user has no entry in the password file.
    return undefined;
  }
}
