import { toPictlError } from "../../core/errors.ts";
import { checkRuntimeDir } from "../../core/paths.ts";
import { type Finding, failure, ok } from "./finding.ts";
import { whyNotCreatable, whyNotWritable } from "./writable.ts";

/** The directory of the socket: the user's own, closed to everybody else, and writable. */
export function checkSocketDirectory(path: string): Finding {
  try {
    const exists = checkRuntimeDir(path);
    const problem = exists ? whyNotWritable(path) : whyNotCreatable(path);
    if (problem !== undefined)
      return failure("socket", problem, "Set XDG_RUNTIME_DIR or PICTL_HOME to a directory of your own.");
    return ok(
      "socket",
      exists ? `${path} is yours alone.` : `${path} does not exist yet; the daemon makes it.`,
    );
  } catch (error) {
    const { message, hint } = toPictlError(error);
    return failure("socket", message, hint ?? "Set PICTL_HOME to a directory of your own.");
  }
}
