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
 * @param places in which sandboxed agents can write
 * @throws PictlError FILE_NOT_FOUND, INVALID_INPUT, SANDBOX_CHANGED for a link that an agent could have made
 */
export function lastingOptions(
  options: SessionOptions,
  cwd: string,
  env: Environment,
  places: readonly string[],
): SessionOptions {
  const { systemPrompt, appendSystemPrompt, piArgs } = options;
  if (piArgs !== undefined) checkPassedArguments(piArgs);
  refuseNul([systemPrompt ?? "", ...(appendSystemPrompt ?? [])], {});
  const byValue = (text: string) =>
    text.startsWith("/") ? promptText(text, cwd, "systemPrompt", places) : text;
  return {
    ...options,
    ...(systemPrompt === undefined ? {} : { systemPrompt: byValue(systemPrompt) }),
    ...(appendSystemPrompt === undefined ? {} : { appendSystemPrompt: appendSystemPrompt.map(byValue) }),
    ...(piArgs === undefined ? {} : { piArgs: absolutePaths(piArgs, cwd, env, places) }),
  };
}
