import type { Config } from "../core/config.ts";
import type { SessionOptions } from "../protocol/session.ts";

/**
 * Warnings of a new session whose model or thinking level comes from a workspace's `config.toml` that a sandboxed agent
 * could have written: the model decides which provider gets the prompts, and what they cost. The file counts all the
 * same: it may be the repository's own, and nothing tells the two apart.
 *
 * @param asked options that the user has named, which go before the file
 */
export function workspaceChoices(
  file: string,
  { model, thinking }: NonNullable<Config["ofWorkspace"]>,
  asked: SessionOptions,
): string[] {
  const warning = (what: string, flag: string) =>
    `${file} chose the ${what}. A sandboxed agent could have written that file. To choose yourself: ${flag}.`;
  return [
    ...(model === undefined || asked.model !== undefined ? [] : [warning(`model ${model}`, "--model")]),
    ...(thinking === undefined || asked.thinking !== undefined
      ? []
      : [warning(`thinking level ${thinking}`, "--thinking")]),
  ];
}
