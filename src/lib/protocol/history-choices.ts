/** Who said it: `tool` are calls and their results, `name` names and labels. */
export const historyRoles = [
  "user",
  "assistant",
  "thinking",
  "tool",
  "bash",
  "summary",
  "custom",
  "name",
] as const;

export const historySorts = ["relevance", "time"] as const;

/** Hits, sessions or entries of one answer: more would not fit into the memory of who asks. */
export const MAX_COUNT = 100_000;

/** Around each hit of a search. */
export const MAX_CONTEXT_LINES = 100;

export const statsBy = ["model", "project", "day", "tool"] as const;
