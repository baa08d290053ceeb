import { splitIntoChunks } from "./chunks.ts";
import { pause } from "./pause.ts";
import type { ReplyWriter } from "./reply-writer.ts";
import type { Step } from "./scenario.ts";
import { fillTemplate, fillTemplates, type TemplateValues } from "./template.ts";

/**
 * So many deltas are handed to pi before other work in it gets a turn. Its event queue is unbounded: without
 * this an abort would wait for the end of a flood, and all of it would be held in memory.
 */
const DELTAS_A_BREATH = 64;
/** What pi's retry looks for in a message (its pi-ai `utils/retry.ts`). */
const TRANSIENT = "503 service unavailable: ";

export interface PlayContext {
  values: TemplateValues;
  signal: AbortSignal | undefined;
  /** Makes the ids of this reply's tool calls unlike those of any other reply in the session. */
  callNumber: number;
}

/**
 * Plays one response of a scenario into the reply and ends it: with `toolUse` when a tool was called, else with
 * what a `stop` or `error` step says, else with `stop`. Steps after the one that ends it are not played.
 *
 * @throws ReplyAborted when the signal fires
 */
export async function playSteps(
  steps: readonly Step[],
  writer: ReplyWriter,
  context: PlayContext,
): Promise<void> {
  const { values, signal } = context;
  let calls = 0;
  for (const step of steps) {
    if ("text" in step) {
      const write = (delta: string) => writer.text(delta);
      await stream(
        splitIntoChunks(fillTemplate(step.text, values), step.chunks),
        write,
        step.chunkDelayMs,
        signal,
      );
    } else if ("thinking" in step) {
      const write = (delta: string) => writer.thinking(delta);
      const text = fillTemplate(step.thinking, values);
      await stream(splitIntoChunks(text, step.chunks), write, step.chunkDelayMs, signal);
    } else if ("repeat" in step) {
      const text = fillTemplate(step.repeat.text, values);
      const write = (delta: string) => writer.text(delta);
      await stream(repeated(text, step.repeat.times), write, step.repeat.delayMs, signal);
    } else if ("tool" in step) {
      calls += 1;
      writer.toolCall(
        `scripted_${context.callNumber}_${calls}`,
        step.tool,
        fillTemplates(step.args ?? {}, values),
      );
    } else if ("pauseMs" in step) {
      await pause(step.pauseMs, signal);
    } else if ("error" in step) {
      return writer.fail("error", (step.retryable ? TRANSIENT : "") + fillTemplate(step.error, values));
    } else {
      return writer.done(step.stop);
    }
  }
  writer.done(calls > 0 ? "toolUse" : "stop");
}

/** Plays a reply that is one text, given as it is. */
export async function playText(
  text: string,
  writer: ReplyWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  await stream(splitIntoChunks(text), (delta) => writer.text(delta), undefined, signal);
  writer.done("stop");
}

async function stream(
  chunks: Iterable<string>,
  write: (delta: string) => void,
  delayMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  let written = 0;
  for (const chunk of chunks) {
    if (written > 0 && delayMs !== undefined) await pause(delayMs, signal);
    else if (written % DELTAS_A_BREATH === 0) await pause(0, signal);
    write(chunk);
    written += 1;
  }
}

function* repeated(text: string, times: number): Generator<string> {
  for (let index = 0; index < times; index++) yield text;
}
