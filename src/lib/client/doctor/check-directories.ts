import { type Stats, statSync } from "node:fs";
import { systemErrorCode } from "../../core/errors.ts";
import { userId } from "../../core/user.ts";
import { type Finding, failure, ok, warning } from "./finding.ts";
import { whyNotCreatable, whyNotWritable } from "./writable.ts";

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/** A directory that pictl writes: it must be writable, and nobody else's to read (session names, logs). */
export function checkOwnDirectory(name: "state" | "data", path: string): Finding {
  const stats = lookAt(path);
  const problem = stats === undefined ? whyNotCreatable(path) : whyNotWritable(path);
  if (problem !== undefined)
    return failure(
      name,
      problem,
      "Fix its permissions or free space, or set PICTL_HOME to a directory that can be written.",
    );
  if (stats === undefined) return ok(name, `${path} does not exist yet; pictl makes it when it needs it.`);
  if ((stats.mode & OTHERS) === 0) return ok(name, `${path} can be written, and is yours alone.`);
  return warning(name, `${path} is open to other users (mode ${octal(stats)}).`, `Run: chmod 700 '${path}'`);
}

/**
 * The directory of config.toml, which names the program that runs: nobody else may write it. That the user
 * can't write it is no fault, for configuration may be managed by something else.
 */
export function checkConfigDirectory(path: string): Finding {
  const check = "config-directory";
  const stats = lookAt(path);
  if (stats === undefined) return ok(check, `${path} does not exist; every setting has its default.`);
  if (!stats.isDirectory()) return failure(check, `${path} is not a directory.`, "Move it away.");
  if (stats.uid !== userId() && stats.uid !== 0) {
    return failure(
      check,
      `${path} belongs to user ${stats.uid}, who can choose the program that pictl runs.`,
      "Set XDG_CONFIG_HOME or PICTL_HOME to a directory of your own.",
    );
  }
  if ((stats.mode & OTHERS_WRITE) === 0) return ok(check, `${path} can't be written by others.`);
  return warning(
    check,
    `${path} can be written by other users (mode ${octal(stats)}).`,
    `Run: chmod go-w '${path}'`,
  );
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // A parent that can't be entered: whyNotCreatable says which.
    if (systemErrorCode(error) === "EACCES") return undefined;
    throw error;
  }
}

function octal(stats: Stats): string {
  return (stats.mode & 0o777).toString(8);
}
