/** What a piece of a session is. The number is what the index keeps: a new kind goes to the end. */
export const KINDS = [
  "user",
  "assistant",
  "thinking",
  "call",
  "result",
  "bash",
  "summary",
  "custom",
  "name",
  "label",
] as const;
export type Kind = (typeof KINDS)[number];

/** The kinds that `--role` names together. */
export const ROLES: Readonly<Record<string, readonly Kind[]>> = {
  user: ["user"],
  assistant: ["assistant", "thinking"],
  thinking: ["thinking"],
  tool: ["call", "result"],
  bash: ["bash"],
  summary: ["summary"],
  custom: ["custom"],
  name: ["name", "label"],
};

/** What `--no-tools` leaves out. */
export const TOOL_KINDS: readonly Kind[] = ["call", "result", "bash"];

export function kindNumber(kind: Kind): number {
  return KINDS.indexOf(kind);
}
