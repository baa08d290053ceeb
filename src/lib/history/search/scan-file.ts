import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import {
  asObject,
  asString,
  type JsonObject,
  parseObject,
  parseTime,
} from "../../core/session-files/json.ts";
import { forEachLine, type Line } from "../../core/session-files/line-reader.ts";
import { openSessionFile } from "../../core/session-files/open.ts";
import { usageOf } from "../../core/session-files/usage.ts";
import { MAX_PARSED_LINE, readEntryLine } from "../files/entry-line.ts";
import { modelName, type Part, partsOf } from "../files/parts.ts";
import type { FileRow } from "../index/history-index.ts";
import type { Hit } from "../types.ts";
import type { RunStep } from "./bounded.ts";
import { KIND_WEIGHTS, rankingTime, recency } from "./weights.ts";

/** How long one go takes: indexing and other searches come between. */
const STEP_MS = 40;
/** Stands in every line that says which model answers, unless its JSON is escaped; then ripgrep lets the line pass. */
const MODEL_KEY = Buffer.from('"provider"');

/** A text that fits, and what its line says of it. */
export interface Fit {
  row: FileRow;
  /** Where its line begins. */
  start: number;
  text: string;
  about: Pick<Hit, "entryId" | "kind" | "tool" | "model" | "time" | "tokens" | "cost" | "score">;
}

/** What is done with the texts of a file. */
export interface Look {
  passes(part: Part, entry: { time: number; model: string }): boolean;
  matches(text: string): boolean;
  /** Around all that looks at texts. */
  run: RunStep;
  /** @param key the same for an entry that stands in several files */
  found(fit: Fit, key: string): void;
}

/**
 * Looks through a session file, in steps between which other things are done.
 *
 * @param only offsets of the lines that may fit; absent: any may
 */
export async function scanFile(
  row: FileRow,
  only: ReadonlySet<number> | undefined,
  look: Look,
): Promise<void> {
  let fd: number;
  try {
    fd = openSessionFile(row.path);
  } catch {
    // Gone since it was listed.
    return;
  }
  // Without ids, an entry is known by its place: all before it are to be counted.
  const asked = hasIds(row) ? only : undefined;
  const lines = new LineVisitor(row, look);
  let offset = 0;
  try {
    for (let more = true; more; ) {
      more = false;
      const deadline = performance.now() + STEP_MS;
      look.run(() =>
        forEachLine(fd, offset, Number.MAX_SAFE_INTEGER, (line) => {
          offset = line.start + line.length + 1;
          if (asked === undefined || asked.has(line.start)) lines.visit(line);
          else lines.pass(line);
          more = performance.now() > deadline;
          return !more;
        }),
      );
      await setImmediate();
    }
  } finally {
    closeSync(fd);
  }
}

/** Looks at the lines of one file, in order; keeps what later lines depend on. */
class LineVisitor {
  readonly #row: FileRow;
  readonly #look: Look;
  readonly #now = rankingTime();
  /** As the index counts them: whole ones, and of headers only the first. */
  #records = 0;
  #model = "";

  constructor(row: FileRow, look: Look) {
    this.#row = row;
    this.#look = look;
  }

  /** A line in which nothing can be found. */
  pass(line: Line): void {
    const entry = line.includes(MODEL_KEY) ? parseLine(line) : undefined;
    if (entry !== undefined) this.#model = modelOf(entry) ?? this.#model;
  }

  visit(line: Line): void {
    const entry = parseLine(line);
    if (entry === undefined || (entry.type === "session" && this.#records > 0)) return;
    const place = this.#records++;
    if (entry.type === "session") return;
    this.#model = modelOf(entry) ?? this.#model;
    const time = parseTime(entry.timestamp) ?? this.#row.state?.createdAt ?? 0;
    const entryId = asString(entry.id) ?? String(place).padStart(8, "0");
    const key = `${entryId} ${time} ${hasIds(this.#row) ? "" : this.#row.path}`;
    for (const part of partsOf(entry, true)) {
      if (!this.#look.passes(part, { time, model: this.#model }) || !this.#look.matches(part.text)) continue;
      const about = this.#about(part, entry, { entryId, time });
      this.#look.found({ row: this.#row, start: line.start, text: part.text, about }, key);
    }
  }

  #about(
    { kind, tool }: Part,
    entry: JsonObject,
    { entryId, time }: { entryId: string; time: number },
  ): Fit["about"] {
    const usage = usageOf(asObject(entry.message)?.usage ?? entry.usage);
    return {
      entryId,
      kind,
      ...(tool ? { tool } : {}),
      ...(this.#model === "" ? {} : { model: this.#model }),
      time,
      ...(usage === undefined
        ? {}
        : { tokens: usage.input + usage.output + usage.cacheRead + usage.cacheWrite, cost: usage.cost }),
      score: Math.round(KIND_WEIGHTS[kind] * recency(this.#now - time / 1000) * 1000) / 1000,
    };
  }
}

function hasIds({ state }: FileRow): boolean {
  return (state?.version ?? 1) >= 2;
}

/** The model that an entry names, as the index takes it. */
function modelOf(entry: JsonObject): string | undefined {
  const message = asObject(entry.message);
  if (entry.type === "model_change") return modelName(entry.provider, entry.modelId);
  return message?.role === "assistant" ? modelName(message.provider, message.model) : undefined;
}

function parseLine(line: Line): JsonObject | undefined {
  if (line.length > MAX_PARSED_LINE) return readEntryLine(line);
  const text = line.text();
  return text === undefined ? undefined : parseObject(text);
}
