import { PictlError } from "../../core/errors.ts";
import type { Choice, Face } from "./face.ts";
import type { Talk } from "./talk.ts";

export interface CommandContext {
  talk: Talk;
  face: Face;
  /** What stands behind the command's name, trimmed. */
  argument: string;
}

export interface SlashCommand {
  name: string;
  /** How its argument is shown: `[name]`. */
  hint?: string;
  summary: string;
  /** What its argument may be, for completion. */
  complete?: (talk: Talk, prefix: string) => Promise<Choice[]>;
  /** @throws PictlError */
  run(context: CommandContext): Promise<void> | void;
}

/** Something that can't be done before the first message. */
export function noSession(message: string): PictlError {
  return new PictlError("SESSION_NOT_FOUND", message, { hint: "Send a message first." });
}
