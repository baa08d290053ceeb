import type { Api, Message, Model, SimpleStreamOptions, TranscriptContext } from "@earendil-works/pi-ai";
import { echoText } from "./echo.ts";
import { pause, ReplyAborted } from "./pause.ts";
import { playSteps, playText } from "./play.ts";
import { type ReplySink, ReplyWriter } from "./reply-writer.ts";
import type { Step } from "./scenario.ts";
import { type Script, stepsFor } from "./script.ts";
import { readTranscript, type Transcript } from "./transcript.ts";

export interface ScriptedProviderOptions {
  /** Scenarios by model id. Any other id is an echo. */
  scripts: ReadonlyMap<string, Script>;
  /** Answers that a model has already given on the session's current branch; undefined when not known. */
  answersBefore: (modelId: string) => number | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** pi's current working directory. */
  cwd: () => string;
}

/**
 * Writes the replies of the scripted models. The place in a scenario is taken from the session at a model's
 * first call, so that it survives a restart of the agent, and counted from there on.
 */
export class ScriptedProvider {
  readonly #options: ScriptedProviderOptions;
  readonly #calls = new Map<string, number>();

  constructor(options: ScriptedProviderOptions) {
    this.#options = options;
  }

  /** Forgets the calls counted so far: another session, or another branch, is current now. */
  restart(): void {
    this.#calls.clear();
  }

  /** Writes one whole reply to `sink`. Never throws: a failure becomes the reply's error. */
  async reply(
    sink: ReplySink,
    model: Model<Api>,
    context: TranscriptContext,
    options: SimpleStreamOptions | undefined,
  ): Promise<void> {
    let writer = new ReplyWriter(sink, model, 0);
    try {
      const messages = await this.#exchange(model, context, options);
      const transcript = readTranscript(messages);
      writer = new ReplyWriter(sink, model, transcript.characters);
      const callNumber = transcript.summary ? 0 : this.#countCall(model.id, transcript);
      const steps = this.#stepsOf(model.id, transcript, callNumber);
      await pause(0, options?.signal);
      writer.start();
      const signal = options?.signal;
      if (steps === "echo") return await playText(echoText(transcript), writer, signal);
      const { env, cwd } = this.#options;
      const values = { transcript, env, cwd: cwd(), thinking: options?.reasoning ?? "off" };
      await playSteps(steps, writer, { values, signal, callNumber });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      writer.fail(error instanceof ReplyAborted || options?.signal?.aborted ? "aborted" : "error", message);
    }
  }

  /** The hooks that extensions inspect requests with, in the order that pi's docs/custom-provider.md asks for. */
  async #exchange(
    model: Model<Api>,
    context: TranscriptContext,
    options: SimpleStreamOptions | undefined,
  ): Promise<readonly Message[]> {
    const payload: unknown = await options?.onPayload?.(
      { model: model.id, messages: context.messages },
      model,
    );
    await options?.onResponse?.({ status: 200, headers: {} }, model);
    const replaced = typeof payload === "object" && payload !== null && "messages" in payload;
    return replaced && Array.isArray(payload.messages) ? (payload.messages as Message[]) : context.messages;
  }

  #countCall(modelId: string, transcript: Transcript): number {
    const call = this.#calls.get(modelId) ?? this.#options.answersBefore(modelId) ?? transcript.answers;
    this.#calls.set(modelId, call + 1);
    return call;
  }

  #stepsOf(modelId: string, transcript: Transcript, call: number): readonly Step[] | "echo" {
    const script = this.#options.scripts.get(modelId);
    if (script === undefined || transcript.summary) return "echo";
    return "problem" in script ? [{ error: script.problem }] : stepsFor(script.scenario, call);
  }
}
