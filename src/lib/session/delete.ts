import { existsSync, unlinkSync } from "node:fs";
import { moveToTrash } from "../agent/trash.ts";
import { PictlError, toStorageError } from "../core/errors.ts";
import type { RequestResults } from "../protocol/requests.ts";
import type { Caller, UsesElsewhere } from "./caller.ts";
import { directoryOf, removeSandboxedDirectory } from "./kept-session.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** With fewer characters of an id a typing error soon deletes another session. */
const MIN_PREFIX = 4;

/**
 * Refuses to delete a session that is named by too few characters of its id.
 *
 * @throws PictlError INVALID_INPUT
 */
export function refuseShortPrefix(reference: string | undefined, { record }: Session): void {
  if (reference === undefined || reference.length >= MIN_PREFIX) return;
  if (reference === record.id || reference === record.name) return;
  throw new PictlError("INVALID_INPUT", `"${reference}" is too short to delete a session by.`, {
    hint: `It would be ${record.id}. Give at least ${MIN_PREFIX} characters of the id, or the name.`,
    details: { session: reference, sessionId: record.id },
  });
}

/**
 * Refuses to delete another directory's session by its name: the same script may run in two repositories, and
 * nothing asks there. A name is unique only among the sessions that exist right now.
 *
 * @throws PictlError SESSION_NOT_FOUND
 */
export function refuseElsewhere({ sessionId, name, cwd }: Parameters<UsesElsewhere>[0]): never {
  throw new PictlError("SESSION_NOT_FOUND", `No session here has the name "${name}".`, {
    hint: `A session of ${cwd} has it. To delete that one, give its id: pictl session delete ${sessionId}`,
    details: { session: name, sessionId, cwd },
  });
}

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
  const directory = directoryOf(session.record);
  if (directory !== undefined) await sessions.endParked(session, directory);
  // Also when somebody else was quicker: it is found again where pi keeps it.
  sessions.forget(session);
  const held = await sessions.writers.hold(session.record, caller.environment, { lockOnly: true });
  try {
    const result = await remove(session.id, { file, directory }, caller, sessions.starter.agentPlaces());
    await sessions.erase(session);
    const left = sessions.filesOf(session, caller);
    return left.length === 0 ? result : { ...result, left };
  } finally {
    held.release();
  }
}

async function remove(
  sessionId: string,
  { file, directory }: { file: string | undefined; directory: string | undefined },
  caller: Caller,
  places: readonly string[],
): Promise<RequestResults["delete_session"]> {
  // A sandboxed session's file goes with all that its agent has written beside it, and comes back with what it was promised.
  const isThere = file !== undefined && existsSync(file);
  if (!isThere && (directory === undefined || !existsSync(directory))) return { sessionId, method: "none" };
  const place = directory ?? file ?? "";
  const deleted = { sessionId, ...(file === undefined ? {} : { file }) };
  if (await moveToTrash(place, caller.environment ?? {}, places)) return { ...deleted, method: "trash" };
  try {
    if (directory === undefined) unlinkSync(place);
    else removeSandboxedDirectory(directory);
  } catch (error) {
    throw toStorageError(error, place);
  }
  return { ...deleted, method: "unlink" };
}
