import { PictlError } from "../core/errors.ts";
import { type Target, targetFrom } from "./session-flags.ts";

/**
 * The session that a command is about, which can be named as its argument, with -s, or for a whole script by
 * PICTL_SESSION; what is typed goes before the variable.
 *
 * @throws PictlError USAGE when argument and flag name different ones
 */
export function pickSession(
  argument: string | undefined,
  flag: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Target {
  if (argument !== undefined && flag !== undefined && argument !== flag && flag !== env.PICTL_SESSION) {
    throw new PictlError("USAGE", `Two sessions are named: "${argument}" and, with -s, "${flag}".`, {
      hint: "Name one.",
      details: { argument, flag },
    });
  }
  return targetFrom(argument ?? flag);
}
