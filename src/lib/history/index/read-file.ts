import {
  asObject,
  asString,
  contentBlocks,
  contentText,
  type JsonObject,
  parseTime,
} from "../../core/session-files/json.ts";
import { forEachLine, type Line } from "../../core/session-files/line-reader.ts";
import type { KeptSession } from "../../core/session-files/sandboxed-directory.ts";
import { usageOf } from "../../core/session-files/usage.ts";
import { MAX_PARSED_LINE, readEntryLine } from "../files/entry-line.ts";
import { cutBeforeWord, modelName, partsOf } from "../files/parts.ts";
import { bareState, type FileState, newState } from "./file-state.ts";
import type { IndexWriter } from "./writer.ts";

/** A header within the first MiB or none: a file of another kind is not read to its end to find that out. */
const MAX_HEADER_OFFSET = 1024 * 1024;
/** Characters of the first prompt that a list shows. */
const FIRST_LENGTH = 200;
/** Looking at the clock costs as much as reading a short line. */
const LINES_BETWEEN_LOOKS = 16;

/** Where a reading begins and ends. */
export interface Reading {
  fd: number;
  file: number;
  /** Byte to go on from. */
  offset: number;
  size: number;
  state: FileState | undefined;
  /** Time of `performance.now()` after which it stops between two lines. */
  deadline: number;
  /** What is kept of the session, where its file's own word doesn't count; null: nothing is. */
  kept?: KeptSession | null | undefined;
  /** Asked once, when the session is known: whether its text is to be left out. */
  isExcluded: (header: { session: string; cwd: string }) => string | undefined;
}

export type ReadResult =
  | { kind: "read"; state: FileState; offset: number; more: boolean }
  /** Not pi's, or no whole header yet. */
  | { kind: "foreign" }
  | { kind: "excluded"; reason: string; state: FileState };

/**
 * Takes the lines of a session file into the index, from where it was left. A half-written last line is left for
 * the next time, as is all that is behind the deadline.
 */
export function readFile(reading: Reading, writer: IndexWriter): ReadResult {
  const { fd, size, deadline } = reading;
  const reader = new FileReader(reading, writer);
  let lines = 0;
  let more = false;
  forEachLine(fd, reading.offset, size, (line) => {
    if (!reader.take(line)) return false;
    more = ++lines % LINES_BETWEEN_LOOKS === 0 && performance.now() > deadline;
    return !more;
  });
  return reader.result(more);
}

class FileReader {
  readonly #reading: Reading;
  readonly #writer: IndexWriter;
  /** Offsets of the entries of this reading, for those that branch off one. */
  readonly #offsets = new Map<string, number>();
  #state: FileState | undefined;
  #offset: number;
  #brokenBefore = 0;
  #ended: ReadResult | undefined;

  constructor(reading: Reading, writer: IndexWriter) {
    this.#reading = reading;
    this.#writer = writer;
    this.#state = reading.state;
    this.#offset = reading.offset;
  }

  /** @returns false when nothing behind this line is to be read now */
  take(line: Line): boolean {
    if (this.#state === undefined && line.length > MAX_HEADER_OFFSET) return false;
    const entry = readEntryLine(line);
    // What is whole can't be the start of something longer.
    if (entry === undefined && !line.terminated) return false;
    this.#offset = line.start + line.length + (line.terminated ? 1 : 0);
    if (entry === undefined) return this.#skip(line);
    if (this.#state === undefined) return this.#begin(entry);
    if (entry.type !== "session") this.#entry(this.#state, entry, line);
    return true;
  }

  result(more: boolean): ReadResult {
    if (this.#ended !== undefined) return this.#ended;
    if (this.#state === undefined) return { kind: "foreign" };
    return { kind: "read", state: this.#state, offset: this.#offset, more };
  }

  #skip(line: Line): boolean {
    const isBlank = line.length < 64 && line.text()?.trim() === "";
    if (isBlank) return true;
    if (this.#state === undefined) {
      this.#brokenBefore++;
      return this.#offset < MAX_HEADER_OFFSET;
    }
    if (line.length > MAX_PARSED_LINE) this.#state.tooLong++;
    else this.#state.broken++;
    return true;
  }

  #begin(header: JsonObject): boolean {
    const session = asString(header.id);
    if (header.type !== "session" || session === undefined) return false;
    const { kept } = this.#reading;
    if (kept && kept.id !== session) return false;
    const parent = kept === undefined ? parentOf(header) : kept?.parent;
    this.#state = {
      ...newState({
        session,
        cwd: kept?.cwd ?? asString(header.cwd) ?? "",
        version: typeof header.version === "number" ? header.version : 1,
        createdAt: parseTime(header.timestamp) ?? 0,
      }),
      broken: this.#brokenBefore,
      ...(kept?.name === undefined ? {} : { name: kept.name }),
      ...(parent === undefined ? {} : { parent }),
    };
    const reason = this.#reading.isExcluded(this.#state);
    if (reason !== undefined) this.#ended = { kind: "excluded", reason, state: bareState(this.#state) };
    return reason === undefined;
  }

  #entry(state: FileState, entry: JsonObject, line: Line): void {
    // As pi's own migration of format 1 counts, but for the ids that it makes up.
    const id = asString(entry.id) ?? String(state.records).padStart(8, "0");
    const time = parseTime(entry.timestamp);
    state.records++;
    this.#follow(state, entry, id, line);
    state.modifiedAt = time ?? state.modifiedAt;
    const message = entry.type === "message" ? asObject(entry.message) : undefined;
    if (message !== undefined) this.#message(state, message);
    if (entry.type === "model_change")
      state.model = modelName(entry.provider, entry.modelId) ?? state.model ?? "";
    if (entry.type === "session_info" && this.#reading.kept === undefined)
      setName(state, asString(entry.name)?.trim());
    const place = { file: this.#reading.file, start: line.start, length: line.length };
    const parts = partsOf(entry);
    const known = { id, time: time ?? state.modifiedAt, model: state.model ?? "", parts };
    if (this.#writer.add(place, known)) this.#tally(state, entry, message, known.time);
  }

  /** Notes where an entry doesn't follow the one before it. */
  #follow(state: FileState, entry: JsonObject, id: string, line: Line): void {
    const parentId = asString(entry.parentId) ?? null;
    if (state.version >= 2 && parentId !== state.lastId && state.lastId !== null)
      state.jumps.push([line.start, parentId === null ? -1 : this.#offsetOf(parentId, line.start)]);
    this.#offsets.set(id, line.start);
    state.lastId = id;
    state.lastOffset = line.start;
  }

  #offsetOf(id: string, before: number): number {
    const known = this.#offsets.get(id);
    if (known !== undefined) return known;
    const needle = Buffer.from(`"id":${JSON.stringify(id)}`);
    let found = -1;
    forEachLine(this.#reading.fd, 0, before, (line) => {
      if (line.includes(needle) && asString(readEntryLine(line)?.id) === id) found = line.start;
      return found === -1;
    });
    return found;
  }

  #message(state: FileState, message: JsonObject): void {
    if (message.role === "system") return;
    state.messages++;
    if (message.role === "user") {
      state.turns++;
      const text = state.first === undefined ? contentText(message.content, " ").trim() : "";
      if (text !== "") state.first = cutBeforeWord(text, FIRST_LENGTH);
    }
    if (message.role === "assistant")
      state.model = modelName(message.provider, message.model) ?? state.model ?? "";
  }

  #tally(state: FileState, entry: JsonObject, message: JsonObject | undefined, time: number): void {
    const { file } = this.#reading;
    if (message?.role === "user") {
      state.openTurn = true;
      state.turnTools = [];
    }
    const usage = usageOf(message === undefined ? entry.usage : message.usage);
    const isAnswer = message?.role === "assistant";
    if (usage === undefined && !isAnswer) return;
    const turns = isAnswer && state.openTurn ? 1 : 0;
    if (isAnswer) state.openTurn = false;
    const spent = usage ?? { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: 0 };
    state.tokens += spent.input + spent.output + spent.cacheRead + spent.cacheWrite;
    state.cost += spent.cost;
    // An extension's request says itself which model it was for.
    const model = (isAnswer ? undefined : modelName(entry.provider, entry.model)) ?? state.model ?? "";
    this.#writer.count(file, time, "model", model, { ...spent, turns, count: isAnswer ? 1 : 0 });
    const calls = contentBlocks(isAnswer ? message?.content : undefined).filter(
      ({ type }) => type === "toolCall",
    );
    for (const call of calls) {
      const tool = asString(call.name) ?? "";
      const first = !state.turnTools.includes(tool);
      if (first) state.turnTools.push(tool);
      // An answer that calls several tools is shared by them.
      const share = Object.fromEntries(
        Object.entries(spent).map(([key, value]) => [key, value / calls.length]),
      );
      this.#writer.count(file, time, "tool", tool, { ...share, turns: first ? 1 : 0, count: 1 });
    }
  }
}

/** The file that a session was forked or cloned from. */
export function parentOf(header: JsonObject): string | undefined {
  return asString(header.parentSession) ?? asString(header.branchedFrom);
}

function setName(state: FileState, name: string | undefined): void {
  if (name) state.name = name;
  else delete state.name;
}
