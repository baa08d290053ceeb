import type { PictlError } from "../../core/errors.ts";
import type { Talk } from "./talk.ts";

/** How a conversation ended: with this exit code, or without the daemon. */
export interface Ending {
  code: number;
  lost?: PictlError;
}

/** Shows the conversation until it ends, and gives the terminal back. */
export type Show = (
  talk: Talk,
  until: { ended: Promise<Ending>; leave: (code?: number) => void },
) => Promise<Ending>;
