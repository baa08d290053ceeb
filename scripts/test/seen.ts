/** What the reporter of a test file writes of a test or suite. `nesting` counts the suites around it. */
export type Seen =
  /** It runs. These come as things happen; `start` and `end` come in the order of the file. */
  | { type: "begin" | "complete" | "start"; name: string; nesting: number }
  | {
      type: "end";
      name: string;
      nesting: number;
      ms: number;
      isSuite: boolean;
      isCancelled: boolean;
      skip: string | boolean | undefined;
      todo: string | boolean | undefined;
      /** Text of a failure; empty for a suite whose tests failed. */
      error: string | undefined;
    }
  | { type: "diagnostic"; nesting: number; message: string }
  /** What keeps the process running after its last test, as Node names it. */
  | { type: "kept-alive"; resources: string[] };

export type Ended = Extract<Seen, { type: "end" }>;

export interface Counts {
  tests: number;
  suites: number;
  pass: number;
  fail: number;
  cancelled: number;
  skipped: number;
  todo: number;
}

export const NO_COUNTS: Counts = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };

/** Counts as node:test does: a suite is no test, and each test counts once. A suite that is skipped counts as one. */
export function countsOf(seen: readonly Seen[]): Counts {
  const counts = { ...NO_COUNTS };
  for (const each of seen) {
    if (each.type !== "end") continue;
    if (each.isSuite) counts.suites += 1;
    if (!each.isSuite || kindOf(each) === "skipped") {
      counts.tests += 1;
      counts[kindOf(each)] += 1;
    }
  }
  return counts;
}

export function kindOf({
  error,
  isCancelled,
  skip,
  todo,
}: Ended): "pass" | "fail" | "cancelled" | "skipped" | "todo" {
  if (skip !== undefined && skip !== false) return "skipped";
  if (todo !== undefined && todo !== false) return "todo";
  if (error === undefined) return "pass";
  return isCancelled ? "cancelled" : "fail";
}

/** The names of what runs, each with those of the suites around it. */
export function runningIn(seen: readonly Seen[]): string[] {
  const open: { name: string; nesting: number }[] = [];
  for (const each of seen) {
    if (each.type === "begin") open.push(each);
    if (each.type !== "complete") continue;
    const at = open.findIndex(({ name, nesting }) => name === each.name && nesting === each.nesting);
    if (at >= 0) open.splice(at, 1);
  }
  const deepest = open.filter(({ nesting }, index) => (open[index + 1]?.nesting ?? 0) <= nesting);
  return deepest.map(({ name, nesting }) => {
    const around = open.slice(
      0,
      open.findIndex((each) => each.name === name && each.nesting === nesting),
    );
    const suites = Array.from(
      { length: nesting },
      (_, level) => around.findLast((each) => each.nesting === level)?.name,
    );
    return [...suites, name].join(" › ");
  });
}
