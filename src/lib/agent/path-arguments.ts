import { statSync } from "node:fs";
import { resolve } from "node:path";
import { PictlError } from "../core/errors.ts";
import { refuseWayOut } from "../core/outside/planted-link.ts";
import type { Environment } from "../core/paths.ts";
import { homeOf } from "../core/user.ts";

/** Arguments of pi whose value is a path. Source: pi's docs/cli.md. */
const PATH_FLAGS: Readonly<Record<string, string>> = {
  "-e": "extension",
  "--extension": "extension",
  "--skill": "skill",
  "--prompt-template": "prompt template",
  "--theme": "theme",
};
/** What pi doesn't look for on the disk. Source: pi's utils/paths.js, `isLocalPath`. */
const NOT_LOCAL = /^\s*(npm|git|github|https?|ssh|builtin):/;
/** Descriptors of the command, which has ended when the next agent starts. */
const DESCRIPTOR = /^\/(dev\/fd|dev\/stdin|proc\/(self|\d+)\/fd)(\/|$)/;

/**
 * Makes the paths among the arguments after `--` absolute.
 *
 * @param cwd the session's directory, from which pi would resolve them
 * @param places in which sandboxed agents can write
 * @throws PictlError FILE_NOT_FOUND, INVALID_INPUT for a descriptor of the shell or a pipe, SANDBOX_CHANGED for a link that an agent
 *   could have made
 */
export function absolutePaths(
  args: readonly string[],
  cwd: string,
  env: Environment,
  places: readonly string[],
): string[] {
  return args.map((arg, index) => {
    const what = kindOf(args, index);
    if (what === undefined) return arg;
    const path = resolve(
      cwd,
      arg.replace(/^~(?=\/|$)/, () => homeOf(env)),
    );
    refuseDescriptor(path, what);
    requireFile(path, what, `Correct the path: a relative one starts from the session's directory ${cwd}.`);
    refuseWayOut(path, places);
    return path;
  });
}

/** @throws PictlError INVALID_INPUT for a pipe or a file that only the command has open */
export function refuseDescriptor(path: string, what: string): void {
  if (!DESCRIPTOR.test(path)) return;
  throw new PictlError("INVALID_INPUT", `The ${what} ${path} is gone when this command ends.`, {
    hint: "Save it in a file: the session's agent reads it again at each start.",
    details: { path },
  });
}

/**
 * Checks that what the arguments name is still there. A change of its content is not looked at: people edit their
 * extensions, and an edit is what they want to run.
 *
 * @param places in which sandboxed agents can write
 * @throws PictlError FILE_NOT_FOUND, INVALID_INPUT for a pipe, SANDBOX_CHANGED for a link that an agent could have made
 */
export function requirePaths(args: readonly string[], places: readonly string[]): void {
  for (const [index, arg] of args.entries()) {
    const what = kindOf(args, index);
    // A relative path comes from an earlier build, and starts from wherever pi runs.
    if (what === undefined || !arg.startsWith("/")) continue;
    requireFile(arg, what, "Put it back, or start a session without it (`pictl session create`).");
    refuseWayOut(arg, places);
  }
}

function kindOf(args: readonly string[], index: number): string | undefined {
  const flag = args[index - 1] ?? "";
  const isPath = Object.hasOwn(PATH_FLAGS, flag) && !NOT_LOCAL.test(args[index] ?? "");
  return isPath ? PATH_FLAGS[flag] : undefined;
}

function requireFile(path: string, what: string, hint: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() || stats?.isDirectory()) return;
  if (stats !== undefined) {
    throw new PictlError("INVALID_INPUT", `The ${what} ${path} is not a regular file.`, {
      hint: "Save it in a file: the session's agent reads it again at each start.",
      details: { path },
    });
  }
  throw new PictlError("FILE_NOT_FOUND", `The ${what} ${path} isn't there.`, {
    hint,
    details: { path },
  });
}
