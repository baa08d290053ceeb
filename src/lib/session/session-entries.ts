import { existsSync } from "node:fs";
import type { TranscriptMessage } from "../protocol/transcript.ts";
import type { Caller } from "./caller.ts";
import { readEntries } from "./files/entries.ts";
import { toTranscript } from "./files/transcript.ts";
import type { Session } from "./session.ts";

type Entries = Pick<ReturnType<typeof readEntries>, "entries" | "leafId">;

/**
 * A session's entries: from pi's file, which needs no agent, or from the agent's memory while there is no file
 * (an ephemeral session, or one without an answer yet). Nothing is started for it.
 */
export async function sessionEntries(session: Session, caller: Caller): Promise<Entries> {
  const { file } = session.record;
  if (file !== undefined && existsSync(file)) return readEntries(file);
  if (session.agentPid === undefined) return { entries: [], leafId: null };
  return (await session.command({ type: "get_entries" }, caller)) as Entries;
}

export async function sessionTranscript(session: Session, caller: Caller): Promise<TranscriptMessage[]> {
  const { entries, leafId } = await sessionEntries(session, caller);
  return toTranscript(entries, leafId);
}
