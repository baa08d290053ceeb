/**
 * What a conversation is made of, in the order in which it is shown. Every text in it is safe to write to a
 * terminal. `revision` grows with each change, so that whoever has drawn a block knows when to draw it again.
 */
export type Block = UserBlock | AssistantBlock | ToolBlock | ShellBlock | NoticeBlock;

interface Common {
  revision: number;
}

export interface UserBlock extends Common {
  kind: "user";
  text: string;
  images: number;
  /** Sent from here, and not yet taken by the agent: the turn that it began. */
  pending?: string;
}

/** A message of the assistant, or (`custom`) an extension's own. */
export interface AssistantBlock extends Common {
  kind: "assistant" | "custom";
  text: string;
  thinking: string;
  /** Pieces of it still come. */
  open: boolean;
  /** Its beginning was said before anybody looked. */
  cut: boolean;
}

export interface ToolBlock extends Common {
  kind: "tool";
  id: string;
  name: string;
  /** As the agent gave them: not yet safe to show. */
  args: unknown;
  /** `cut`: the turn ended before the tool did. */
  state: "running" | "completed" | "failed" | "cut";
  output: string;
}

/** A command that a person ran in the session. */
export interface ShellBlock extends Common {
  kind: "shell";
  command?: string;
  output: string;
  open: boolean;
  /** Absent while it runs, and when it was ended by a signal. */
  exitCode?: number;
}

/** `quiet` is for what happened as it should, `help` keeps its lines as they are. */
export type NoticeLevel = "quiet" | "info" | "warning" | "error" | "help";

export interface NoticeBlock extends Common {
  kind: "notice";
  level: NoticeLevel;
  text: string;
}
