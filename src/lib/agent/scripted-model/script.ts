import { readAgentFile } from "../../core/agent-file.ts";
import type { Scenario, Step } from "./scenario.ts";

/** The largest scenario of the tests has some KB. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A scenario, or why the file that should hold one can't be used. */
export type Script = { scenario: Scenario } | { problem: string };

/**
 * The scenario in a file's text. Only what would crash the player is looked at: pictl has checked the file
 * against its schema before it started pi, and zod would add to the start of every scripted agent.
 *
 * @param read returns the file's text, or throws
 */
export function loadScript(path: string, read: (path: string) => string): Script {
  try {
    const value: unknown = JSON.parse(read(path));
    if (isScenario(value)) return { scenario: value };
    return { problem: `${path} is not a scenario: "responses" must be a list of lists of steps` };
  } catch (error) {
    return { problem: `Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The text of a scenario file. Throws what {@link readAgentFile} throws. */
export function readScenario(path: string): string {
  return readAgentFile(path, { maxBytes: MAX_BYTES, links: "follow" }).toString("utf8");
}

/** The steps for the model call with this number (from 0), or `echo` when the scenario is over and says so. */
export function stepsFor(scenario: Scenario, call: number): readonly Step[] | "echo" {
  const steps = scenario.responses[call];
  if (steps !== undefined) return steps;
  switch (scenario.then) {
    case "repeat-last":
      return scenario.responses.at(-1) ?? "echo";
    case "error":
      return [{ error: `The scenario has no response number ${call + 1}.` }];
    default:
      return "echo";
  }
}

function isScenario(value: unknown): value is Scenario {
  if (typeof value !== "object" || value === null || !("responses" in value)) return false;
  const { responses } = value;
  const isStep = (step: unknown) => typeof step === "object" && step !== null;
  return Array.isArray(responses) && responses.every((steps) => Array.isArray(steps) && steps.every(isStep));
}
