import type { TranscriptMessage } from "../protocol/transcript.ts";
import type { Caller } from "./caller.ts";
import { fileLostError } from "./file-lost.ts";
import { readEntries } from "./files/entries.ts";
import { problemOf } from "./files/identity.ts";
import { toTranscript } from "./files/transcript.ts";
import type { SessionRecord } from "./registry.ts";

type Entries = Pick<ReturnType<typeof readEntries>, "entries" | "leafId">;

/** What is needed of a session to read it. */
interface Readable {
  readonly record: SessionRecord;
  readonly agentPid: number | undefined;
  command(command: { type: string }, caller: Caller): Promise<unknown>;
}

/**
 * A session's entries: from pi's file, which needs no agent, or from the agent's memory where the file isn't the
 * session's (an ephemeral session, one without an answer yet, a file that is lost). Nothing is started for it.
 *
 * @throws PictlError SESSION_FILE_LOST, STORAGE_UNAVAILABLE
 */
export async function sessionEntries(session: Readable, caller: Caller): Promise<Entries> {
  const { file, id, written } = session.record;
  const problem = file === undefined ? undefined : problemOf(file, id);
  if (file !== undefined && problem === undefined) return readEntries(file);
  if (session.agentPid === undefined) {
    const isLost = problem !== undefined && (written || problem.kind !== "missing");
    if (isLost && file !== undefined) throw fileLostError(session.record, file, problem, false);
    return { entries: [], leafId: null };
  }
  return (await session.command({ type: "get_entries" }, caller)) as Entries;
}

export async function sessionTranscript(session: Readable, caller: Caller): Promise<TranscriptMessage[]> {
  const { entries, leafId } = await sessionEntries(session, caller);
  return toTranscript(entries, leafId);
}
