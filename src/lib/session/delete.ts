import { execa } from "execa";
import { existsSync, unlinkSync } from "node:fs";
import { toStorageError } from "../core/errors.ts";
import type { RequestResults } from "../protocol/requests.ts";
import type { Caller, Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** Moving one file; a `trash` that takes longer is asking somebody something. */
const TRASH_TIMEOUT_MS = 10_000;

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
  const { exitCode } = await execa("trash", [file], {
    env: { PATH: caller.environment?.PATH ?? "" },
    stdio: "ignore",
    timeout: TRASH_TIMEOUT_MS,
    reject: false,
  });
  if (exitCode === 0 || !existsSync(file)) return { sessionId: session.id, file, method: "trash" };
  try {
    unlinkSync(file);
  } catch (error) {
    throw toStorageError(error, file);
  }
  return { sessionId: session.id, file, method: "unlink" };
}
