import { statSync } from "node:fs";
import { PictlError } from "../core/errors.ts";
import { resolvePaths } from "../core/paths.ts";
import {
  asPromptText,
  MAX_PROMPT_BYTES,
  promptPath,
  promptText,
  tooLarge,
  unreadable,
} from "../core/prompt-text.ts";

/**
 * The text of a system prompt that was given as itself or as a file, from the shell's directory. A pipe may be written
 * late or never: it is waited for with a notice, and a time limit can end the wait.
 *
 * @throws PictlError FILE_NOT_FOUND, INVALID_INPUT, USAGE, SANDBOX_CHANGED for a link that an agent could have made
 */
export async function readSystemPrompt(value: string, flag: string): Promise<string> {
  if (value === "-")
    throw new PictlError("USAGE", `${flag}: - is neither a text nor a file.`, {
      hint: `To read stdin: ${flag} /dev/stdin`,
    });
  const path = promptPath(value, "", flag);
  if (path === undefined) return value;
  const kind = statSync(path, { throwIfNoEntry: false });
  if (!kind?.isFIFO() && !kind?.isCharacterDevice()) {
    const { agentPlaces } = await import("../core/outside/agent-places.ts");
    return promptText(value, "", flag, agentPlaces(resolvePaths(process.env).agentPlaces));
  }
  const { readFileOfAnyKind } = await import("./prompt/read-file.ts");
  const exceeded = () => tooLarge(path, flag, MAX_PROMPT_BYTES + 1);
  let bytes: Buffer;
  try {
    bytes = await readFileOfAnyKind(path, value, { bytes: MAX_PROMPT_BYTES, exceeded });
  } catch (error) {
    throw error instanceof PictlError ? error : unreadable(path, flag, error);
  }
  return asPromptText(bytes, path, flag);
}
