import fc from "fast-check";
import { LONG } from "../speed.ts";
import { type Action, action, shellLine } from "./actions.ts";
import { type Command, command, type Outside } from "./outside.ts";
import { type Place, type Reader, SESSION } from "./place.ts";
import { END, type Start, type Starter, startOf } from "./start.ts";

/** From the weakest to the strictest: what was seen once can be kept. */
const PROFILES = ["minimal", "development", "strict"] as const;

/** One start, in which everything is read and something is done, and what a user does after it. */
export interface Round {
  start: Start;
  actions: Action[];
  commands: Command[];
}

/** Each round but the last is a sequence of actions, which is followed by another start. */
export interface Life {
  /** Whether the user keeps the sessions of all projects in one directory. */
  together: boolean;
  rounds: Round[];
  /** What is started at last, tries to read and to write everything. */
  last: Start;
  /** Whether the user deletes the session instead. */
  deleted: boolean;
}

/** Half of them under `strict` alone, which shows least. */
export const life: fc.Arbitrary<Life> = fc
  .tuple(fc.constantFrom(true, false, false), fc.constantFrom(["strict"] as const, PROFILES))
  .chain(([together, profiles]) => {
    const start = startOf(["agent", "command"], profiles);
    const round = fc.record({
      start,
      actions: fc.array(action, { minLength: 1, maxLength: 10, size: "max" }),
      commands: fc.array(command, { maxLength: 1 }),
    });
    return fc.record({
      together: fc.constant(together),
      rounds: fc.array(round, { minLength: 1, maxLength: 10, size: "max" }),
      last: start,
      deleted: fc.constantFrom(false, false, true),
    });
  });

/** What was listed before each start is read after it. */
const AGAIN: Command = { reads: "listed before" };
const DELETION: Command = { cwd: ".", words: ["session", "delete", SESSION, "--yes"] };

/** What a worker may grow to before something is read that has no end. */
const MAX_GROWTH = 256 * 2 ** 20;

/** Prints every canary that can be read below the place, or in what the sandbox has of /tmp; of no file without an end. */
function readAll(place: Place): string {
  return `find ${place.root} /tmp -type f -size -64k -exec grep -ahos 'canary-[0-9a-f]\\{16\\}' {} +`;
}

/** Tries to change, and then to remove, all that can be seen. */
function writeAll({ root }: Place): string {
  return [
    `find ${root} -type f 2>/dev/null | while read -r f; do echo x >> "$f"; done`,
    `find ${root} -type d 2>/dev/null | while read -r d; do : > "$d/made-inside"; done`,
    `chmod -R 777 ${root}`,
    `touch -d 2001-01-01 $(find ${root} -type f 2>/dev/null)`,
    `rm -rf ${root}`,
  ].join("\n");
}

function script(lines: readonly string[]): string {
  return ["exec 2>&1; PATH=/usr/bin:/bin; umask 022", ...lines, `printf '${END.trimEnd()}\\n'`].join("\n");
}

/** What was run, to show that it was something. */
export interface Figures {
  /** Sequences of actions between two starts. */
  sequences: number;
  starts: number;
  commands: number;
  /** Starts by the code with which they were refused. */
  refused: Record<string, number>;
}

/** @param onStep gets what is begun
 * @returns sentences on what is wrong; none if all is well */
export async function runLife(
  { together, rounds, last, deleted }: Life,
  { place, starter, outside }: { place: Place; starter: Starter; outside: Outside },
  figures: Figures,
  onStep: (what: string) => void,
): Promise<string[]> {
  place.reset(together);
  let weakest: Start["profile"] = "strict";
  const begun = memory(outside);
  const check = (what: string, text: string, ...alsoBy: Reader[]) => {
    // What an agent could read it could also put where it is read.
    const wrong = [...place.leaks(text, [weakest, ...alsoBy]), ...place.changes()];
    const grown = memory(outside) - begun;
    if (grown > MAX_GROWTH) wrong.push(`took ${Math.round(grown / 2 ** 20)} MiB`);
    return wrong.length === 0
      ? []
      : [...wrong.map((each) => `${what}: ${each}`), place.shortened(text).slice(0, 4_000)];
  };
  const run = async (what: string, start: Start, lines: string[]) => {
    onStep(what);
    const { output, refused } = await starter.run(start, together, script(lines));
    figures.starts += 1;
    if (refused !== undefined) figures.refused[refused.code] = (figures.refused[refused.code] ?? 0) + 1;
    else if (PROFILES.indexOf(start.profile) < PROFILES.indexOf(weakest)) weakest = start.profile;
    return check(what, output ?? JSON.stringify(refused?.toBody() ?? ""));
  };
  const runOutside = async (each: Command, when: string) => {
    const what = `${"reads" in each ? `reading of ${each.reads}` : each.words.join(" ")} ${when}`;
    onStep(what);
    const ended = await outside.run(each);
    if (ended === undefined) return [];
    figures.commands += 1;
    place.acceptNote();
    if (each === DELETION) place.acceptDeletion();
    // The user names a file of the workspace, or looks at all of it: a link that stays there is followed.
    const isWorkspaceShown = "reads" in each && each.reads !== "listed before";
    const wrong = isWorkspaceShown ? check(what, ended.output, "user") : check(what, ended.output);
    const isExpected = /\[STORAGE_UNAVAILABLE\]|"code": "STORAGE|^✔ node:/.test(ended.output);
    if (ended.exitCode === 1 && !isExpected)
      wrong.push(`${what} failed with ${place.shortened(ended.output)}`);
    return wrong;
  };
  for (const [index, { start, actions, commands }] of rounds.entries()) {
    outside.look();
    const did = actions.map((one) => shellLine(one, place));
    const read = readAll(place);
    // What stays is read at the end as well; before, what the agent covers or removes again.
    const before = LONG ? [read] : [];
    const wrong = await run(`start ${index + 1}`, start, [`cd ${place.workspace}`, ...before, ...did, read]);
    if (wrong.length > 0) return wrong;
    // Only what is followed by another start is between two.
    if (!deleted || index < rounds.length - 1) figures.sequences += 1;
    for (const each of [AGAIN, ...commands]) {
      const wrong = await runOutside(each, `after start ${index + 1}`);
      if (wrong.length > 0) return wrong;
    }
  }
  if (deleted) return await runOutside(DELETION, "at the end");
  return await run("the last start", last, [readAll(place), writeAll(place)]);
}

function memory(outside: Outside): number {
  return Math.max(process.resourceUsage().maxRSS * 1024, outside.daemonPeak());
}
