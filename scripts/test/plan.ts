/** A pi that the tests run with beside the bundled one. */
export interface OtherPi {
  version: string;
  /** Path of its cli.js. */
  cli: string;
}

/** Files whose result depends on pi's version. They run once with each pi, the others with the bundled one alone. */
export const DEPENDS_ON_PI: readonly string[] = [
  "test/e2e/agent-commands.test.ts",
  "test/e2e/agents.test.ts",
  "test/e2e/parking.test.ts",
  "test/e2e/questions.test.ts",
  "test/e2e/stream-json.test.ts",
  "test/e2e/turns.test.ts",
];

/** What a file gets in its environment when it runs with another pi. */
export function environmentWith({ cli }: OtherPi): Record<string, string> {
  return { PICTL_TEST_PI: cli };
}

/** Files that have a long form: `npm run test:long` runs these. */
export const HAS_LONG_FORM: readonly string[] = [
  "test/contract/fuzz.test.ts",
  "test/contract/sandbox-check.test.ts",
  "test/e2e/daemon-death.test.ts",
];

/** The files that take longest, which start first: one of them alone at the end would leave a core idle. */
const LONGEST: readonly string[] = [
  "test/contract/sandbox-check.test.ts",
  "test/e2e/one-writer.test.ts",
  "test/e2e/daemon-death.test.ts",
  "test/e2e/hostile.test.ts",
  "test/e2e/agent-death.test.ts",
  "test/e2e/conversation.test.ts",
  "test/e2e/questions.test.ts",
  "test/e2e/sandbox-sessions.test.ts",
  "test/e2e/sandbox.test.ts",
  "test/e2e/history.test.ts",
  "test/e2e/agent-commands.test.ts",
];

export function longestFirst(files: readonly string[]): string[] {
  const rank = (file: string) => {
    const at = LONGEST.indexOf(file);
    if (at >= 0) return at;
    return LONGEST.length + (file.startsWith("test/e2e/") ? 0 : file.startsWith("test/contract/") ? 1 : 2);
  };
  return [...files].sort((a, b) => rank(a) - rank(b));
}
