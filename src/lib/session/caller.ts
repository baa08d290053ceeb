import type { Environment } from "../core/paths.ts";

/** Who asks: the client's process, and its shell's environment for an agent that the request starts. */
export interface Caller {
  pid?: number | undefined;
  environment?: Environment | undefined;
}

/** A change of model or thinking level that comes with a prompt. */
export interface ModelChange {
  model?: string | undefined;
  thinking?: string | undefined;
}
