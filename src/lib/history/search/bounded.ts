import { createContext, Script } from "node:vm";
import { PictlError } from "../../core/errors.ts";

/**
 * For one step of a scan, which takes a fiftieth of it, or as long as its longest line takes. Whoever else searches
 * waits for it.
 */
const MAX_STEP_MS = 2_000;

/** Runs a step, and gives what it returns. */
export type RunStep = <T>(step: () => T) => T;

/**
 * Bounds the steps in which a person's regular expression is tried: some expressions never end on some texts, and would
 * take the only thread of the history with them. Of all that Node has, only `node:vm` interrupts one. Each call starts a
 * thread that watches the clock (80 µs), so that it is for steps and not for texts.
 */
export function boundedSteps(expression: string): RunStep {
  const context = createContext({});
  const script = new Script("step()");
  return (step) => {
    context.step = step;
    try {
      return script.runInContext(context, { timeout: MAX_STEP_MS });
    } catch (error) {
      throw isTimeout(error) ? tooSlow(expression, error) : error;
    }
  };
}

/** An error of another realm, which is no `Error` here. */
function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}

function tooSlow(expression: string, cause: unknown): PictlError {
  return new PictlError(
    "INVALID_INPUT",
    `"${expression}" takes too long: it was stopped after ${MAX_STEP_MS / 1000} s on a few lines.`,
    {
      hint: "A repetition of repetitions, as (a+)+ is, never ends on some texts: write it without.",
      details: { query: expression },
      cause,
    },
  );
}
