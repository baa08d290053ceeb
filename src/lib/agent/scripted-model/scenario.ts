import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";

/** Milliseconds to wait. An hour at most: a longer pause in a test is a mistake in the file. */
const Milliseconds = z.int().check(z.minimum(0), z.maximum(3_600_000));

const TextStep = z.strictObject({
  /** Assistant text. Templates such as `{{prompt}}` are filled in. */
  text: z.string(),
  /** Number of deltas it is streamed in. Default: pieces of about eight characters. */
  chunks: z.optional(z.int().check(z.minimum(1), z.maximum(100_000))),
  /** Pause before each delta but the first. */
  chunkDelayMs: z.optional(Milliseconds),
});

const ThinkingStep = z.strictObject({
  thinking: z.string(),
  chunks: z.optional(z.int().check(z.minimum(1), z.maximum(100_000))),
  chunkDelayMs: z.optional(Milliseconds),
});

const RepeatStep = z.strictObject({
  /** The same text over and over, one delta each, as fast as pi takes them. */
  repeat: z.strictObject({
    text: z.string().check(z.minLength(1)),
    times: z.int().check(z.minimum(1), z.maximum(10_000_000)),
    delayMs: z.optional(Milliseconds),
  }),
});

const ToolStep = z.strictObject({
  /** Name of the tool to call; pi runs it and asks for the next response. */
  tool: z.string().check(z.minLength(1)),
  /** Its arguments. Templates in strings are filled in. */
  args: z.optional(z.record(z.string(), z.json())),
});

const PauseStep = z.strictObject({ pauseMs: Milliseconds });

const ErrorStep = z.strictObject({
  /** Ends the response as a provider error with this message. */
  error: z.string().check(z.minLength(1)),
  /** Words the message as a transient one, so that pi's own retry begins. Default: false. */
  retryable: z.optional(z.boolean()),
});

/** Ends the response here; `length` is what a provider says when the output limit is reached. */
const StopStep = z.strictObject({ stop: z.enum(["stop", "length"]) });

const STEPS = {
  text: TextStep,
  thinking: ThinkingStep,
  repeat: RepeatStep,
  tool: ToolStep,
  pauseMs: PauseStep,
  error: ErrorStep,
  stop: StopStep,
};

export const StepSchema = z.union(
  Object.values(STEPS) as [typeof TextStep, ...(typeof STEPS)[keyof typeof STEPS][]],
);

/** A scenario file: what a scripted model answers, call by call. See docs/scripted-model.md. */
export const ScenarioSchema = z.strictObject({
  /** What it is for; not used. */
  description: z.optional(z.string()),
  /** One list of steps for each model call, in order. A tool call is followed by another model call. */
  responses: z.array(z.array(StepSchema)).check(z.minLength(1)),
  /** What comes after the last response. Default: echo. */
  // biome-ignore lint/suspicious/noThenProperty: a parsed scenario is plain data, and this `then` is never callable
  then: z.optional(z.enum(["repeat-last", "echo", "error"])),
});

export type Step = z.infer<typeof StepSchema>;
export type Scenario = z.infer<typeof ScenarioSchema>;

/** zod/mini says "Invalid input" for everything unless it is given the words. */
const WORDING = { error: en().localeError };

/**
 * The scenario in `value`, or one line that says where it is wrong.
 *
 * A step is checked against the kind that its keys name, because "no union member matched" tells nobody what
 * to change.
 */
export function parseScenario(value: unknown): { scenario: Scenario } | { problem: string } {
  const parsed = ScenarioSchema.safeParse(value, WORDING);
  if (parsed.success) return { scenario: parsed.data };
  const issue = parsed.error.issues[0];
  const path = issue?.path ?? [];
  const step = path[0] === "responses" && path.length === 3 ? stepProblem(valueAt(value, path)) : undefined;
  const where = [...path, ...(step?.path ?? [])].map(String).join(".");
  const message = step?.message ?? issue?.message ?? "not a scenario";
  return { problem: where === "" ? message : `${where}: ${message}` };
}

function stepProblem(step: unknown): { path: PropertyKey[]; message: string } | undefined {
  if (typeof step !== "object" || step === null) return undefined;
  const kind = Object.keys(STEPS).find((key) => Object.hasOwn(step, key)) as keyof typeof STEPS | undefined;
  if (kind === undefined) return { path: [], message: `a step has one of ${Object.keys(STEPS).join(", ")}` };
  const issue = STEPS[kind].safeParse(step, WORDING).error?.issues[0];
  return issue && { path: issue.path, message: issue.message };
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
}
