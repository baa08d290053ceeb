import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Flags } from "@oclif/core";
import { pickSession } from "../pick-session.ts";
import { currentDirectory } from "../session-flags.ts";
import { wholeNumber } from "../whole-number.ts";
import { parseMoment } from "./moment.ts";

/** One session, for a command that takes it as its argument too. */
export const sessionFlag = Flags.string({
  char: "s",
  description: "The session, instead of as the argument",
  helpValue: "<session>",
});

/** The session that is given as the argument or with -s. Throws USAGE for two. */
export function namedSession(argument: string | undefined, flag: string | undefined): string | undefined {
  if (argument === undefined && flag === undefined) return undefined;
  const target = pickSession(argument, flag, {});
  return "sessionId" in target ? target.sessionId : undefined;
}

/** Which sessions a command of the history looks at. */
export const whichFlags = {
  all: Flags.boolean({ char: "a", description: "Sessions of every project (default: of this one)" }),
  cwd: Flags.string({
    description: "Sessions that were started in this directory",
    helpValue: "<dir>",
    exclusive: ["all", "project"],
  }),
  project: Flags.string({
    char: "p",
    description: "Sessions of this project: its directory, or the last part of it",
    helpValue: "<project>",
    exclusive: ["all"],
  }),
};

export const timeFlags = {
  since: Flags.string({ description: "From then on: 7d, 12h, 2026-11-01, today", helpValue: "<when>" }),
  until: Flags.string({ description: "Up to then", helpValue: "<when>" }),
};

export const modelFlag = Flags.string({
  description: "Of models with this in their name",
  helpValue: "<model>",
});

export const secretsFlag = Flags.boolean({ description: "Show what looks like a credential" });

export function limitFlag(what: string) {
  return Flags.string({ char: "l", description: `At most this many (default: ${what})`, helpValue: "<n>" });
}

interface Values {
  all?: boolean | undefined;
  cwd?: string | undefined;
  project?: string | undefined;
  session?: string | undefined;
  model?: string | undefined;
  tool?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

/**
 * The parameters that these flags stand for.
 *
 * @throws PictlError USAGE
 */
export function filtersFrom(flags: Values) {
  const { all, cwd, project, session, model, since, until } = flags;
  return {
    cwd: cwd === undefined ? currentDirectory() : resolve(cwd),
    ...(all ? { scope: "all" as const } : cwd === undefined ? {} : { scope: "directory" as const }),
    ...(project === undefined ? {} : { project: projectFrom(project) }),
    ...(session === undefined ? {} : { session }),
    ...(model === undefined ? {} : { model }),
    ...(since === undefined ? {} : { since: parseMoment(since, "--since", "start") }),
    ...(until === undefined ? {} : { until: parseMoment(until, "--until", "end") }),
  };
}

/** A project as the daemon is told it: its directory where it is written as a path, else its name. */
export function projectFrom(text: string): string {
  const path = resolve(text);
  const name = text.replace(/\/+$/, "");
  const isName = !name.includes("/") && name !== "" && name !== "." && name !== "..";
  // A shell completes a name to `name/` where a directory is called so.
  return isName && !(text.endsWith("/") && existsSync(path)) ? name : path;
}

/** @param max absent: no request is made of so many */
export function limitFrom(limit: string | undefined, max?: number): { limit?: number } {
  return limit === undefined ? {} : { limit: wholeNumber(limit, "--limit", max) };
}
