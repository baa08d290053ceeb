/**
 * Values that a flag and a setting both take. Without zod, and in a file of their own: the command line needs
 * them at start.
 */

/** pi's thinking levels (its docs/rpc-commands.md). */
export const thinkingLevels = ["off", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** What `prompt --format` prints, and `format` of config.toml. */
export const promptFormats = ["text", "json", "stream-json", "pi", "quiet"] as const;
export type PromptFormat = (typeof promptFormats)[number];

/** Profiles of a sandbox, from the weakest to the strictest (docs/sandbox.md). */
export const sandboxProfiles = ["minimal", "development", "strict"] as const;
export type SandboxProfile = (typeof sandboxProfiles)[number];
