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

export const statsBy = ["model", "project", "day", "tool"] as const;
