import type { Client } from "../../client/client.ts";
import { PictlError } from "../../core/errors.ts";
import { modelCandidates, sessionCandidates } from "./session-candidates.ts";
import type { Candidate } from "./value-kinds.ts";

/** Somebody who pressed TAB waits for the prompt to come back. */
const TIMEOUT_MS = 500;

/**
 * Sessions, the names of those here, or the models that they have used, from a daemon that runs: those of this directory, or of all
 * where none of them begins with what was typed. Without a daemon, or from one that is slow, nothing.
 */
export async function askForSessions(
  wanted: { kind: "sessions" | "names" | "models"; prefix: string },
  current: string,
  connectIfRunning: () => Promise<Client | undefined>,
): Promise<Candidate[]> {
  const typed = current.slice(wanted.prefix.length);
  const timeout = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => timeout.resolve(undefined), TIMEOUT_MS);
  try {
    const found = await Promise.race([ask(wanted.kind, typed, connectIfRunning), timeout.promise]);
    return (found ?? []).map((one) => ({ ...one, value: wanted.prefix + one.value }));
  } catch (error) {
    // Whatever is wrong is told by the command that is being typed.
    if (error instanceof PictlError) return [];
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function ask(
  kind: "sessions" | "names" | "models",
  typed: string,
  connectIfRunning: () => Promise<Client | undefined>,
): Promise<Candidate[]> {
  const client = await connectIfRunning();
  if (client === undefined) return kind === "models" ? modelCandidates([]) : [];
  if (kind === "models") return modelCandidates((await client.request("list_sessions", {})).sessions);
  const here = await client.request("list_sessions", { cwd: process.cwd() });
  if (kind === "names")
    return sessionCandidates(
      here.sessions.filter(({ name }) => name !== undefined),
      "",
    );
  const candidates = sessionCandidates(here.sessions, typed);
  if (candidates.some(({ value }) => value.startsWith(typed))) return candidates;
  return sessionCandidates((await client.request("list_sessions", {})).sessions, typed);
}
