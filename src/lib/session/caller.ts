import type { Environment } from "../core/paths.ts";

/** Who asks: the client's process, and its shell's environment for an agent that the request starts. */
export interface Caller {
  pid?: number | undefined;
  environment?: Environment | undefined;
  /** Names the request in the log: number of the connection, and of the request in it (`c12-3`). */
  request?: string | undefined;
}

/** A change of model or thinking level that comes with a prompt. */
export interface ModelChange {
  model?: string | undefined;
  thinking?: string | undefined;
}
