import { PictlError } from "../core/errors.ts";
import type { Environment } from "../core/paths.ts";

/**
 * A program's arguments and variables end at a NUL, so none can hold one.
 *
 * @throws PictlError INVALID_INPUT naming the argument's place or the variable
 */
export function refuseNul(args: readonly string[], env: Environment): void {
  const name = Object.keys(env).find((key) => key.includes("\0") || env[key]?.includes("\0"));
  if (name !== undefined) throw refusal(`the environment variable ${JSON.stringify(name)} has`);
  const arg = args.findIndex((each) => each.includes("\0"));
  if (arg !== -1) throw refusal(`its argument ${JSON.stringify(args[arg]?.slice(0, 100))} has`);
}

function refusal(what: string): PictlError {
  return new PictlError("INVALID_INPUT", `pi can't be started: ${what} a NUL character in it.`, {
    hint: "Leave the NUL character out.",
  });
}
