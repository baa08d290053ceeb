import type { Api, AssistantMessage, AssistantMessageEvent, JsonObject, Model } from "@earendil-works/pi-ai";

type Block = AssistantMessage["content"][number];

/** Where the events of a reply go: pi's AssistantMessageEventStream. */
export interface ReplySink {
  push(event: AssistantMessageEvent): void;
  end(): void;
}

/** A token is taken to be four characters, as pi's own estimate has it. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * Turns the pieces of a reply into pi's balanced stream of events and keeps the message that they add up to.
 * Text after text goes on in the same block. The contract is in pi's docs/custom-provider.md, "Implement
 * custom streaming"; `partial` is one object that grows, as with pi's own providers.
 */
export class ReplyWriter {
  readonly #sink: ReplySink;
  readonly #model: Model<Api>;
  readonly #message: AssistantMessage;
  readonly #inputCharacters: number;
  #outputCharacters = 0;

  constructor(sink: ReplySink, model: Model<Api>, inputCharacters: number) {
    this.#sink = sink;
    this.#model = model;
    this.#inputCharacters = inputCharacters;
    this.#message = {
      role: "assistant",
      content: [],
      api: model.api,
      provider: model.provider,
      model: model.id,
      usage: zeroUsage(),
      stopReason: "pending",
      timestamp: Date.now(),
    };
  }

  start(): void {
    this.#sink.push({ type: "start", partial: this.#message });
  }

  text(delta: string): void {
    const block = this.#open("text");
    block.text += delta;
    this.#outputCharacters += delta.length;
    this.#sink.push({ type: "text_delta", contentIndex: this.#index(), delta, partial: this.#message });
  }

  thinking(delta: string): void {
    const block = this.#open("thinking");
    block.thinking += delta;
    this.#outputCharacters += delta.length;
    this.#sink.push({ type: "thinking_delta", contentIndex: this.#index(), delta, partial: this.#message });
  }

  toolCall(id: string, name: string, args: JsonObject): void {
    this.#close();
    const toolCall = { type: "toolCall" as const, id, name, arguments: args };
    this.#message.content.push(toolCall);
    const delta = JSON.stringify(args);
    this.#outputCharacters += name.length + delta.length;
    const at = { contentIndex: this.#index(), partial: this.#message };
    this.#sink.push({ type: "toolcall_start", ...at });
    this.#sink.push({ type: "toolcall_delta", delta, ...at });
    this.#sink.push({ type: "toolcall_end", toolCall, ...at });
  }

  /** Ends the reply as complete; pi runs the tool calls when the reason is `toolUse`. */
  done(reason: "stop" | "length" | "toolUse"): void {
    this.#close();
    this.#finish(reason);
    this.#sink.push({ type: "done", reason, message: this.#message });
    this.#sink.end();
  }

  /** Ends the reply as failed, with what was said so far. */
  fail(reason: "error" | "aborted", errorMessage: string): void {
    this.#finish(reason);
    this.#message.errorMessage = errorMessage;
    this.#sink.push({ type: "error", reason, error: this.#message });
    this.#sink.end();
  }

  #open<T extends "text" | "thinking">(type: T): Extract<Block, { type: T }> {
    const last = this.#message.content.at(-1);
    if (last?.type === type) return last as Extract<Block, { type: T }>;
    this.#close();
    const block: Block = type === "text" ? { type: "text", text: "" } : { type: "thinking", thinking: "" };
    this.#message.content.push(block);
    const at = { contentIndex: this.#index(), partial: this.#message };
    this.#sink.push(type === "text" ? { type: "text_start", ...at } : { type: "thinking_start", ...at });
    return block as Extract<Block, { type: T }>;
  }

  #close(): void {
    const last = this.#message.content.at(-1);
    const at = { contentIndex: this.#index(), partial: this.#message };
    if (last?.type === "text") this.#sink.push({ type: "text_end", content: last.text, ...at });
    if (last?.type === "thinking") this.#sink.push({ type: "thinking_end", content: last.thinking, ...at });
  }

  #index(): number {
    return this.#message.content.length - 1;
  }

  #finish(reason: AssistantMessage["stopReason"]): void {
    this.#message.stopReason = reason;
    const { usage } = this.#message;
    usage.input = Math.ceil(this.#inputCharacters / CHARACTERS_PER_TOKEN);
    usage.output = Math.ceil(this.#outputCharacters / CHARACTERS_PER_TOKEN);
    // pi compacts and tries again after a `length` stop below the model's limit (its pi-ai `utils/overflow.ts`).
    if (reason === "length") usage.output = Math.max(usage.output, this.#model.maxTokens);
    usage.totalTokens = usage.input + usage.output;
    // Rates are in dollars for a million tokens.
    usage.cost.input = (usage.input * this.#model.cost.input) / 1e6;
    usage.cost.output = (usage.output * this.#model.cost.output) / 1e6;
    usage.cost.total = usage.cost.input + usage.cost.output;
  }
}

function zeroUsage(): AssistantMessage["usage"] {
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 };
  return { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0, cost };
}
