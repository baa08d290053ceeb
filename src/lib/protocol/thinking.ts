/** pi's thinking levels (its docs/rpc-commands.md), without zod: the command line needs them at start. */
export const thinkingLevels = ["off", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
