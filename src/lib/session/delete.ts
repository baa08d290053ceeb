import { existsSync, unlinkSync } from "node:fs";
import { moveToTrash } from "../agent/trash.ts";
import { toStorageError } from "../core/errors.ts";
import type { RequestResults } from "../protocol/requests.ts";
import type { Caller } from "./caller.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/**
 * Ends a session and removes pi's file as pi's own session selector does: with the `trash` command where there
 * is one, else for good.
 */
export async function deleteSession(
  sessions: Sessions,
  session: Session,
  caller: Caller,
): Promise<RequestResults["delete_session"]> {
  await session.close(caller);
  const { file } = session.record;
  sessions.forget(session);
  if (file === undefined || !existsSync(file)) return { sessionId: session.id, method: "none" };
  if (await moveToTrash(file, caller.environment ?? {}))
    return { sessionId: session.id, file, method: "trash" };
  try {
    unlinkSync(file);
  } catch (error) {
    throw toStorageError(error, file);
  }
  return { sessionId: session.id, file, method: "unlink" };
}
