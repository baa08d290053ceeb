import type { Inherited } from "../core/inherited.ts";
import type { Environment } from "../core/paths.ts";

/** Who asks: the client's process, and what its shell hands down to an agent that the request starts. */
export interface Caller extends Inherited {
  pid?: number | undefined;
  environment?: Environment | undefined;
  /** Names the request in the log: number of the connection, and of the request in it (`c12-3`). */
  request?: string | undefined;
  usesElsewhere?: UsesElsewhere | undefined;
}

/** Called when the name that a request gives is that of another directory's session. */
export type UsesElsewhere = (session: { sessionId: string; name: string; cwd: string }) => void;

/** The session whose turn asks: pi gives its shell tools the id of theirs (pi's environment-variables.md). */
export function askingSession({ environment }: Caller): string | undefined {
  return environment?.PI_SESSION_ID;
}

/** A change of model or thinking level that comes with a prompt. */
export interface ModelChange {
  model?: string | undefined;
  thinking?: string | undefined;
  /** An agent with another model than the session had will do: the model isn't used. */
  anyModel?: boolean | undefined;
}
