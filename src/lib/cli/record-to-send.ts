import { PictlError } from "../core/errors.ts";

/** A record as it is written for pi. */
export interface RawRecord {
  type: string;
  [field: string]: unknown;
}

/** @throws PictlError USAGE when the text isn't a JSON object with a `type` */
export function parseRecord(text: string): RawRecord {
  const refuse = (reason: string, cause?: unknown) =>
    new PictlError("USAGE", `Not a record: ${reason}.`, {
      hint: `Give a JSON object with a type, as in '{"type":"get_state"}'.`,
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("it isn't an object");
  }
  const { type } = value as { type?: unknown };
  if (typeof type !== "string" || type === "") throw refuse("its type is missing, or isn't a text");
  return value as RawRecord;
}

/**
 * A record in pi's words as the daemon's request of the same name takes it, where the two differ. The rest is
 * as it was.
 */
export function inDaemonsWords(record: RawRecord): RawRecord {
  const { id, ...fields } = record;
  switch (record.type) {
    case "prompt": {
      const { streamingBehavior, ...rest } = fields;
      return { ...rest, ...(streamingBehavior === undefined ? {} : { whenBusy: streamingBehavior }) };
    }
    case "fork": {
      const { entryId, ...rest } = fields;
      return { ...rest, ...(entryId === undefined ? {} : { at: entryId }) };
    }
    case "extension_ui_response":
      // Its `id` names the question; over the socket an `id` is the request's own.
      return { requestId: id, ...fields };
    default:
      return fields;
  }
}
