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
 *
 * @throws PictlError SESSION_IN_USE while another daemon drives it
 */
export async function deleteSession(
  sessions: Sessions,
  session: Session,
  caller: Caller,
): Promise<RequestResults["delete_session"]> {
  await sessions.writers.refuseHeld(session.record, caller.environment);
  session.retire();
  await session.close(caller);
  const { file } = session.record;
  // Also when somebody else was quicker: it is found again where pi keeps it.
  sessions.forget(session);
  const held = await sessions.writers.hold(session.record, caller.environment, { lockOnly: true });
  try {
    return await remove(session, file, caller);
  } finally {
    held.release();
  }
}

async function remove(
  session: Session,
  file: string | undefined,
  caller: Caller,
): Promise<RequestResults["delete_session"]> {
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
