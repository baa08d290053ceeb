import { toPiRecord, toStreamRecords } from "../../client/stream-records.ts";
import type { ErrorBody } from "../../core/errors.ts";
import { jsonText } from "../../core/json-text.ts";
import type { PushRecord } from "../../protocol/records.ts";
import type { Turn } from "../../protocol/session.ts";
import { STREAM_VERSION } from "../../protocol/version.ts";
import { writeStdout } from "../output.ts";
import type { TurnContext, TurnView } from "./turn-view.ts";

/** One record as the lines that a format prints of it. */
export type LineFormat = (record: PushRecord) => object[];

/** `stream-json`: pictl's own vocabulary (docs/stream-json.md). */
export const streamLines: LineFormat = toStreamRecords;

/** `pi`: the records of pi as they are, and nothing else. */
export const piLines: LineFormat = (record) => {
  const event = toPiRecord(record);
  return event === undefined ? [] : [event];
};

/** `--format stream-json` and `--format pi`: one record a line. */
export class LinesView implements TurnView {
  readonly #format: LineFormat;
  #pending: Promise<void> = Promise.resolve();

  constructor(format: LineFormat) {
    this.#format = format;
  }

  record(record: PushRecord): void {
    for (const line of this.#format(record)) this.#emit(line);
  }

  async end(
    turn: Turn | undefined,
    { sessionId, turnId }: TurnContext,
    error: ErrorBody | undefined,
  ): Promise<void> {
    // The end of a turn tells its own error; this one is about the wait for it.
    if (turn?.error === undefined && error !== undefined && this.#format === streamLines) {
      const { code, message, hint, retryable } = error;
      const why = {
        code,
        message,
        ...(hint === undefined ? {} : { hint }),
        ...(retryable ? { retryable } : {}),
      };
      this.#emit({ v: STREAM_VERSION, type: "error", sessionId, turnId, ...why });
    }
    await this.#pending;
  }

  #emit(line: object): void {
    this.#pending = writeStdout(`${jsonText(line)}\n`);
  }
}
