/**
 * What pi answers to the commands that are passed through to it, as far as it is shown. The daemon hands it on
 * as it is, and `--json` prints all of it. Source: pi's docs/rpc-commands.md and docs/session-format.md.
 */

/** Costs are US dollars for a million tokens. */
export interface PiModel {
  provider: string;
  id: string;
  name?: string;
  reasoning?: boolean;
  input?: string[];
  contextWindow?: number;
  maxTokens?: number;
  cost?: { input: number; output: number; cacheRead?: number; cacheWrite?: number };
}

/** `get_state`. */
export interface PiState {
  model?: PiModel;
  thinkingLevel: string;
  steeringMode: string;
  followUpMode: string;
  autoCompactionEnabled: boolean;
  sessionId: string;
}

/** `get_session_stats`. `cost` is US dollars. */
export interface PiStats {
  sessionFile?: string;
  sessionId: string;
  userMessages: number;
  assistantMessages: number;
  toolCalls: number;
  toolResults: number;
  totalMessages: number;
  tokens: { input: number; output: number; cacheRead: number; cacheWrite: number; total: number };
  cost: number;
  /** Tokens and percent are null from a compaction to the next answer. */
  contextUsage?: { tokens: number | null; contextWindow: number; percent: number | null };
}

/** A block of a message's content: text, thinking, a tool call or an image. */
export interface PiBlock {
  type: string;
  text?: string;
  thinking?: string;
  name?: string;
  arguments?: Record<string, unknown>;
  id?: string;
}

/** A message of any role; which fields there are depends on it. */
export interface PiMessage {
  role: string;
  content?: string | PiBlock[];
  timestamp?: number;
  provider?: string;
  model?: string;
  stopReason?: string;
  errorMessage?: string;
  toolName?: string;
  isError?: boolean;
  command?: string;
  output?: string;
  exitCode?: number;
  customType?: string;
  summary?: string;
  /** Of a system message: the parts of the prompt by name; null removes one. */
  sections?: Record<string, string | null>;
}

/** An entry of a session; which fields there are depends on its type. */
export interface PiEntry {
  type: string;
  id: string;
  parentId?: string | null;
  timestamp?: string;
  message?: PiMessage;
  summary?: string;
  tokensBefore?: number;
  provider?: string;
  modelId?: string;
  thinkingLevel?: string;
  customType?: string;
  content?: string | PiBlock[];
  name?: string;
  label?: string;
  targetId?: string;
  kind?: string;
}

export interface PiTreeNode {
  entry: PiEntry;
  children: PiTreeNode[];
  label?: string;
}

/** `compact`. */
export interface PiCompaction {
  summary: string;
  tokensBefore: number;
  estimatedTokensAfter?: number;
}

/** `bash`. No exit code: the command was ended by a signal, or cancelled. */
export interface PiBashResult {
  output: string;
  exitCode?: number;
  cancelled: boolean;
  truncated: boolean;
  /** Where all of the output is, when only its end is in `output`. */
  fullOutputPath?: string;
}

/** One of `get_commands`. */
export interface PiCommand {
  name: string;
  description?: string;
  source: string;
}
