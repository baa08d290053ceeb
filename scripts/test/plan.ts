import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestRun } from "./run-file.ts";

/** A pi that the tests run with beside the bundled one. */
export interface OtherPi {
  version: string;
  /** Path of its cli.js. */
  cli: string;
}

/**
 * Files whose result depends on pi's version. In the long form each runs with each pi, else those of {@link SAYS_IT_ALL}
 * do and the others with the bundled one alone. What a pattern matches is pictl's own doing, and is left to that one too.
 */
export const DEPENDS_ON_PI: Readonly<Record<string, RegExp>> = {
  "test/e2e/agent-commands.test.ts":
    /where there is no session, and leaves nothing|from the shell's directory|--timeout ends the command|fit a word|last prints|what the model sees|pi's own interface left|the daemon answers|what isn't a record|words behind|with the same exit code|Ctrl-C|with its reader|middle of a turn/,
  "test/e2e/agents.test.ts": /run with the environment|have the umask/,
  "test/e2e/parking.test.ts":
    /shares no agent|another spare|every spare|goes on in the background|agents are busy|refuses the prompt|many prompts|two directories/,
  "test/e2e/questions.test.ts":
    /in place on a terminal|in every format|the oldest first|not twice|and an abort takes/,
  "test/e2e/stream-json.test.ts":
    /the death of one|can't be had any more|never began|every record of the vocabulary|--on-question (default|fail)/,
  "test/e2e/turns.test.ts": /a killed client|--no-wait|still waits|two first prompts|wait for itself/,
};

/**
 * Files that between them use every RPC command and record of pi. They run with the oldest pi each time, which differs most
 * from the bundled one.
 */
export const SAYS_IT_ALL: readonly string[] = [
  "test/e2e/agent-commands.test.ts",
  "test/e2e/stream-json.test.ts",
];

/** How a file of these runs with another pi. */
export function runWith({ cli, version }: OtherPi, file: string): Pick<TestRun, "label" | "env" | "options"> {
  const skip = DEPENDS_ON_PI[file];
  return {
    label: `pi ${version}`,
    env: { PICTL_TEST_PI: cli },
    options: skip === undefined ? [] : [`--test-skip-pattern=${skip}`],
  };
}

/** Files that have a long form of their own, beside {@link attackFiles}. */
const HAS_LONG_FORM: readonly string[] = [
  "test/attacks/between-starts.test.ts",
  "test/contract/agent.test.ts",
  "test/contract/fuzz.test.ts",
  "test/contract/gate-pi.test.ts",
  "test/contract/sandbox-check.test.ts",
  "test/contract/scripted-model.test.ts",
  "test/e2e/agent-death.test.ts",
  "test/e2e/daemon-death.test.ts",
  "test/e2e/faithful.test.ts",
  "test/e2e/history.test.ts",
  "test/e2e/daemon.test.ts",
  "test/e2e/input.test.ts",
  "test/e2e/limits.test.ts",
  "test/e2e/names.test.ts",
  "test/e2e/one-writer.test.ts",
  "test/e2e/parking.test.ts",
  "test/e2e/prompt.test.ts",
  "test/e2e/sandbox.test.ts",
  "test/e2e/sandbox-sessions.test.ts",
  "test/e2e/session-file.test.ts",
  "test/e2e/shutdown.test.ts",
  "test/unit/lib/history/property.test.ts",
  "test/unit/lib/history/search.test.ts",
  "test/unit/lib/sandbox/gate/target.test.ts",
  "test/unit/lib/sandbox/policy/merge.test.ts",
  "test/unit/lib/session/session-lock.test.ts",
];

/** All files with a long form, which `npm run test:long` runs. */
export function longForms(root: string): string[] {
  return [...attackFiles(root), ...HAS_LONG_FORM];
}

/** Attacks that are made under all profiles and as a user: those that test/support/attack.ts declares. */
function attackFiles(root: string): string[] {
  return globSync("test/attacks/*.test.ts", { cwd: root })
    .filter((file) => readFileSync(join(root, file), "utf8").includes("support/attack.ts"))
    .sort();
}

/** The files that take longest, which start first: one of them alone at the end would leave a core idle. */
const LONGEST: readonly string[] = [
  "test/e2e/parking.test.ts",
  "test/e2e/agent-death.test.ts",
  "test/attacks/between-starts.test.ts",
  "test/e2e/faithful.test.ts",
  "test/contract/sandbox-check.test.ts",
  "test/e2e/one-writer.test.ts",
  "test/e2e/daemon-death.test.ts",
  "test/e2e/hostile.test.ts",
  "test/e2e/conversation.test.ts",
  "test/e2e/questions.test.ts",
  "test/e2e/sandbox-sessions.test.ts",
  "test/e2e/sandbox.test.ts",
  "test/e2e/history.test.ts",
  "test/e2e/agent-commands.test.ts",
  "test/unit/lib/session/session.test.ts",
];

export function longestFirst(files: readonly string[]): string[] {
  const rank = (file: string) => {
    const at = LONGEST.indexOf(file);
    if (at >= 0) return at;
    return LONGEST.length + (file.startsWith("test/e2e/") ? 0 : file.startsWith("test/contract/") ? 1 : 2);
  };
  return [...files].sort((a, b) => rank(a) - rank(b));
}
