/** Commands that a person looks for together. */
export interface CommandGroup {
  title: string;
  /** Words of commands, a topic's commands together: `session watch`. */
  commands: readonly string[];
}

const of = (topic: string, ...verbs: string[]) => verbs.map((verb) => `${topic} ${verb}`);

/**
 * How help sorts the commands: by what somebody wants to do. A test holds that every command that isn't hidden
 * is in exactly one group.
 */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    title: "Work with the agent",
    commands: [
      "prompt",
      ...of("session", "prompt", "watch", "wait", "respond", "abort", "bash", "send"),
      ...of("session queue", "list", "clear"),
    ],
  },
  {
    title: "See what happened",
    commands: of("session", "list", "show", "last", "messages", "entries", "tree", "stats", "export"),
  },
  {
    title: "Find what was said",
    commands: of("history", "search", "list", "show", "stats", "status", "export", "reindex", "forget"),
  },
  {
    title: "Make, branch, end",
    commands: of("session", "create", "ensure", "rename", "fork", "clone", "compact", "close", "delete"),
  },
  {
    title: "Choose how it works",
    commands: [...of("session", "model", "thinking", "settings", "commands"), "model list"],
  },
  {
    title: "Set up",
    commands: [...of("config", "show", "get", "set", "unset", "path"), "completion", "doctor"],
  },
  {
    title: "The sandbox",
    commands: of("sandbox", "show", "explain", "init", "check", "run", "review", "log"),
  },
  {
    title: "The daemon",
    commands: of("daemon", "status", "start", "restart", "stop", "logs", "run", "install", "uninstall"),
  },
];
