import { openSync, writeSync } from "node:fs";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";
import type { Seen } from "./seen.ts";

/** Exit code of a file that something keeps running after its last test. */
export const KEPT_ALIVE = 87;

/**
 * Reporter of one test file: writes what happens to the file PICTL_TEST_EVENTS, one JSON record a line. It writes
 * synchronously, so that the records up to a crash are there. It also ends the process when every test has ended and
 * PICTL_TEST_IDLE_MS later something, as an interval, still keeps the process running.
 */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<never> {
  const fd = openSync(process.env.PICTL_TEST_EVENTS ?? "/dev/null", "a");
  const write = (seen: Seen) => writeSync(fd, `${JSON.stringify(seen)}\n`);
  let open = 0;
  let idle: NodeJS.Timeout | undefined;
  for await (const event of source) {
    const seen = seenOf(event);
    if (seen !== undefined) write(seen);
    if (event.type === "test:enqueue") open += 1;
    if (event.type === "test:complete") open -= 1;
    clearTimeout(idle);
    if (open === 0) {
      idle = setTimeout(() => {
        write({ type: "kept-alive", resources: process.getActiveResourcesInfo() });
        process.exit(KEPT_ALIVE);
      }, Number(process.env.PICTL_TEST_IDLE_MS)).unref();
    }
  }
}

/** @returns undefined for an event that nobody looks at */
function seenOf({ type, data }: TestEvent): Seen | undefined {
  switch (type) {
    case "test:dequeue":
    case "test:start":
      return { type: type === "test:start" ? "start" : "begin", name: data.name, nesting: data.nesting };
    case "test:complete":
      return { type: "complete", name: data.name, nesting: data.nesting };
    case "test:diagnostic":
      return { type: "diagnostic", nesting: data.nesting, message: data.message };
    case "test:pass":
    case "test:fail":
      return {
        type: "end",
        name: data.name,
        nesting: data.nesting,
        ms: data.details.duration_ms,
        isSuite: data.details.type === "suite",
        isCancelled: type === "test:fail" && /^(cancelled|testTimeout)/.test(failureType(data.details.error)),
        skip: data.skip,
        todo: data.todo,
        error: type === "test:fail" ? textOf(data.details.error) : undefined,
      };
    default:
      return undefined;
  }
}

function failureType(error: unknown): string {
  return String((error as { failureType?: unknown } | undefined)?.failureType);
}

/** The error that a test threw, without node:test's own around it. */
function textOf(error: Error): string {
  const thrown =
    failureType(error) === "testCodeFailure" || failureType(error) === "hookFailed" ? error.cause : error;
  if (failureType(error) === "subtestsFailed") return "";
  return typeof thrown === "string" ? thrown : inspect(thrown ?? error.message, { depth: 6 });
}
