import { checkPassedArguments } from "../agent/launch-arguments.ts";
import { absolutePaths } from "../agent/path-arguments.ts";
import { refuseNul } from "../agent/refuse-nul.ts";
import type { Environment } from "../core/paths.ts";
import { promptText } from "../core/prompt-text.ts";
import type { SessionOptions } from "../protocol/session.ts";

/**
 * A new session's options as they can be kept: texts by value, and paths absolute.
 *
 * @param cwd the session's directory
 * @throws PictlError FILE_NOT_FOUND, INVALID_INPUT
 */
export function lastingOptions(options: SessionOptions, cwd: string, env: Environment): SessionOptions {
  const { systemPrompt, appendSystemPrompt, piArgs } = options;
  if (piArgs !== undefined) checkPassedArguments(piArgs);
  refuseNul([systemPrompt ?? "", ...(appendSystemPrompt ?? [])], {});
  const byValue = (text: string) => (text.startsWith("/") ? promptText(text, cwd, "systemPrompt") : text);
  return {
    ...options,
    ...(systemPrompt === undefined ? {} : { systemPrompt: byValue(systemPrompt) }),
    ...(appendSystemPrompt === undefined ? {} : { appendSystemPrompt: appendSystemPrompt.map(byValue) }),
    ...(piArgs === undefined ? {} : { piArgs: absolutePaths(piArgs, cwd, env) }),
  };
}
