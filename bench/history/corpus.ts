import { closeSync, mkdirSync, openSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pick, seededRandom } from "../random.ts";
import { type TextMaker, textMaker } from "./text.ts";

/**
 * The shapes that sessions of coding agents have: most bytes are what tools gave back, most lines are short, and a
 * few lines are huge. Lengths are characters; each is the middle of a distribution with a long tail.
 */
const SHAPE = {
  turnsOfSession: 12,
  stepsOfTurn: 6,
  user: 160,
  answer: 420,
  thinking: 500,
  /** What the model's provider signs its thinking with. */
  signature: 900,
  command: 90,
  /** A file that `write` or `edit` carries. */
  written: 1_600,
  result: 4_200,
  /** pi itself cuts tool results at 50 KiB. */
  longestResult: 50 * 1024,
  /** A picture, or a record of a tool that doesn't cut. */
  huge: 2 * 1024 * 1024,
  hugeEvery: 4_000,
} as const;

const PROJECTS = 40;
const DAY_MS = 86_400_000;
const MODELS = ["claude-sonnet-4-5", "claude-opus-4-5", "gpt-5.2", "gemini-3-pro"];

export interface Corpus {
  /** Where pi would keep its configuration: the sessions are in `sessions/` below it. */
  agentDir: string;
  files: string[];
  bytes: number;
  entries: number;
  projects: string[];
}

/** Writes session files of format 3 until there are `bytes` of them. The same seed gives the same files. */
export function makeCorpus(agentDir: string, bytes: number, seed: number): Corpus {
  const random = seededRandom(seed);
  const text = textMaker(random);
  const corpus: Corpus = { agentDir, files: [], bytes: 0, entries: 0, projects: [] };
  for (let i = 0; i < PROJECTS; i++) corpus.projects.push(`/home/me/src/${text.word()}-${i}`);
  // A year of work up to a fixed day.
  const end = Date.UTC(2026, 10, 20);
  while (corpus.bytes < bytes) {
    const started =
      end - Math.floor((1 - corpus.bytes / bytes) * 365 * DAY_MS) - Math.floor(random() * DAY_MS);
    const session = new SessionWriter(random, text, pick(corpus.projects, random), started);
    session.write(agentDir);
    corpus.files.push(session.path);
    corpus.bytes += session.bytes;
    corpus.entries += session.entries;
  }
  return corpus;
}

class SessionWriter {
  path = "";
  bytes = 0;
  entries = 0;
  #fd = -1;
  #parentId: string | null = null;
  #time: number;
  readonly #random: () => number;
  readonly #text: TextMaker;
  readonly #cwd: string;

  constructor(random: () => number, text: TextMaker, cwd: string, time: number) {
    this.#random = random;
    this.#text = text;
    this.#cwd = cwd;
    this.#time = time;
  }

  write(agentDir: string): void {
    const directory = join(agentDir, "sessions", `--${this.#cwd.slice(1).replaceAll("/", "-")}--`);
    mkdirSync(directory, { recursive: true });
    const id = this.#text.uuid();
    const timestamp = new Date(this.#time).toISOString();
    this.path = join(directory, `${timestamp.replaceAll(/[:.]/g, "-")}_${id}.jsonl`);
    this.#fd = openSync(this.path, "w");
    this.#line({ type: "session", version: 3, id, timestamp, cwd: this.#cwd });
    const turns = this.#around(SHAPE.turnsOfSession, 1.0, 150);
    for (let i = 0; i < turns; i++) this.#turn();
    if (this.#random() < 0.2) this.#entry("session_info", { name: this.#text.words(4) });
    closeSync(this.#fd);
    utimesSync(this.path, this.#time / 1000, this.#time / 1000);
  }

  #turn(): void {
    this.#message({
      role: "user",
      content: [{ type: "text", text: this.#text.prose(this.#around(SHAPE.user, 0.9, 8_000)) }],
    });
    const steps = this.#around(SHAPE.stepsOfTurn, 0.8, 60);
    for (let i = 0; i < steps; i++) this.#step(i === steps - 1);
  }

  #step(last: boolean): void {
    const content: object[] = [];
    if (this.#random() < 0.4) {
      const thinking = this.#text.prose(this.#around(SHAPE.thinking, 0.9, 20_000));
      content.push({ type: "thinking", thinking, thinkingSignature: this.#text.base64(SHAPE.signature) });
    }
    if (last || this.#random() < 0.5) {
      content.push({ type: "text", text: this.#text.prose(this.#around(SHAPE.answer, 0.9, 12_000)) });
    }
    const call = last ? undefined : this.#call();
    if (call !== undefined) content.push({ type: "toolCall", ...call });
    const input = this.#around(20_000, 0.8, 180_000);
    const output = this.#around(400, 0.8, 8_000);
    const cost = {
      input: input * 3e-6,
      output: output * 1.5e-5,
      cacheRead: 0,
      cacheWrite: 0,
      total: input * 3e-6 + output * 1.5e-5,
    };
    this.#message({
      role: "assistant",
      content,
      api: "anthropic-messages",
      provider: "anthropic",
      model: pick(MODELS, this.#random),
      usage: { input, output, cacheRead: 0, cacheWrite: 0, totalTokens: input + output, cost },
      stopReason: last ? "stop" : "toolUse",
    });
    if (call !== undefined) this.#result(call);
  }

  #call(): { id: string; name: string; arguments: object } {
    const id = `toolu_${this.#text.hex(24)}`;
    const name = pick(["bash", "bash", "bash", "read", "read", "edit", "write", "grep"], this.#random);
    const path = this.#text.path();
    switch (name) {
      case "bash":
        return {
          id,
          name,
          arguments: { command: this.#text.command(this.#around(SHAPE.command, 0.7, 2_000)) },
        };
      case "read":
        return { id, name, arguments: { path } };
      case "grep":
        return { id, name, arguments: { pattern: this.#text.identifier(), path } };
      case "edit":
        return {
          id,
          name,
          arguments: {
            path,
            oldText: this.#text.code(300),
            newText: this.#text.code(this.#around(400, 0.8, 6_000)),
          },
        };
      default:
        return {
          id,
          name,
          arguments: { path, content: this.#text.code(this.#around(SHAPE.written, 0.9, 30_000)) },
        };
    }
  }

  #result({ id, name }: { id: string; name: string }): void {
    const huge = this.#random() < 1 / SHAPE.hugeEvery;
    const long = name === "bash" || name === "read" || name === "grep";
    const length = huge ? SHAPE.huge : long ? this.#around(SHAPE.result, 1.1, SHAPE.longestResult) : 60;
    const kind = this.#random();
    const text = huge
      ? this.#text.base64(length)
      : kind < 0.7
        ? this.#text.code(length)
        : this.#text.log(length);
    const content = huge ? [{ type: "image", data: text, mimeType: "image/png" }] : [{ type: "text", text }];
    this.#message({
      role: "toolResult",
      toolCallId: id,
      toolName: name,
      content,
      isError: this.#random() < 0.05,
    });
  }

  #message(message: object): void {
    this.#entry("message", { message: { ...message, timestamp: this.#time } });
  }

  #entry(type: string, fields: object): void {
    this.#time += Math.floor(2_000 + this.#random() * 20_000);
    const id = this.#text.hex(8);
    this.#line({
      type,
      id,
      parentId: this.#parentId,
      timestamp: new Date(this.#time).toISOString(),
      ...fields,
    });
    this.#parentId = id;
    this.entries += 1;
  }

  #line(record: object): void {
    this.bytes += writeSync(this.#fd, `${JSON.stringify(record)}\n`);
  }

  /** A whole number whose logarithm is spread normally around that of `middle`. */
  #around(middle: number, spread: number, most: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return Math.max(1, Math.min(most, Math.round(middle * Math.exp(spread * normal))));
  }
}
