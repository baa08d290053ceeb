import type { Colors } from "../render/color.ts";
import { wrap } from "../render/text-width.ts";
import type { CommandGroup } from "./groups.ts";

/** Columns of the titles, which the longest fits. */
const TITLE_WIDTH = 22;
/** The right part needs room for a topic and a verb. */
const MIN_WIDTH = 40;

/**
 * The first page of help, made for a screen of 24 lines and 80 columns: what there is, not what each does.
 *
 * @param existing words of the commands that this build has; the others of a group are left out
 */
export function rootHelp(
  {
    bin,
    summary,
    groups,
    existing,
  }: {
    bin: string;
    summary: string;
    groups: readonly CommandGroup[];
    existing: ReadonlySet<string>;
  },
  width: number,
  colors: Colors,
): string {
  const room = Math.max(MIN_WIDTH, width);
  const rows = groups.flatMap(({ title, commands }) => {
    const names = byTopic(commands.filter((command) => existing.has(command))).join(" · ");
    if (names === "") return [];
    return wrap(names, room - TITLE_WIDTH).map((line, index) => {
      const start = (index === 0 ? title : "").padEnd(TITLE_WIDTH);
      return `${index === 0 ? colors.bold(start) : start}${line}`;
    });
  });
  const examples = [
    [`${bin} prompt "fix the tests"`, "ask the session of this directory"],
    [`${bin} prompt`, "a conversation, at a terminal"],
    [`git diff | ${bin} prompt "review"`, "a pipe is part of the question"],
    [`${bin} COMMAND --help`, "what a command or topic takes"],
  ].map(([line = "", about = ""]) => `  ${line.padEnd(34)}${colors.dim(about)}`);
  return [`${summary}.`, "", ...examples, "", ...rows, "", `${bin} --version prints the version.`].join("\n");
}

/** `session list`, `session show` become `session list, show`. */
function byTopic(commands: readonly string[]): string[] {
  const topics = new Map<string, string[]>();
  for (const command of commands) {
    const words = command.split(" ");
    const verb = words.pop() ?? "";
    const topic = words.join(" ");
    topics.set(topic, [...(topics.get(topic) ?? []), verb]);
  }
  return [...topics].map(([topic, verbs]) =>
    topic === "" ? verbs.join(" · ") : `${topic} ${verbs.join(", ")}`,
  );
}
