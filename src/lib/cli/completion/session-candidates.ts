import { abridgeText } from "../../core/cut-text.ts";
import type { SessionInfo } from "../../protocol/session.ts";
import { shortPath } from "../render/numbers.ts";
import { shortIds } from "../render/short-ids.ts";
import { sanitize } from "../render/text-width.ts";
import type { Candidate } from "./value-kinds.ts";

/** A menu is for choosing from; more sessions than this are reached by typing a letter first. */
const MAX_CANDIDATES = 100;
/** Beside a name there is room for a few words. */
const MAX_ABOUT = 50;

/**
 * Sessions as they can be named: by name, or by short id where there is none, or where what was typed is the
 * beginning of an id. Newest first, as they come.
 */
export function sessionCandidates(sessions: readonly SessionInfo[], current: string): Candidate[] {
  const ids = shortIds(sessions.map(({ id }) => id));
  const times = new Map<string, number>();
  for (const { name } of sessions) if (name !== undefined) times.set(name, (times.get(name) ?? 0) + 1);
  return sessions.slice(0, MAX_CANDIDATES).map((session) => {
    const { id, name } = session;
    const byId = current !== "" && id.startsWith(current);
    const usable = name !== undefined && times.get(name) === 1 && !byId && isTypeable(name);
    return { value: usable ? name : (ids.get(id) ?? id), about: aboutSession(session, !usable) };
  });
}

/** Models that sessions have used, the latest first, and the one that needs no account. */
export function modelCandidates(sessions: readonly SessionInfo[]): Candidate[] {
  const used = sessions.flatMap(({ model }) => (model !== undefined && isTypeable(model) ? [model] : []));
  return [...new Set([...used, "scripted/echo"])].map((value) => ({ value }));
}

/** A name that begins like a flag, or can't be shown as it is, is not offered. */
function isTypeable(name: string): boolean {
  return name !== "" && !name.startsWith("-") && sanitize(name) === name && !name.includes("\n");
}

function aboutSession({ state, name, model, cwd, firstMessage }: SessionInfo, withName: boolean): string {
  const said = (withName ? name : undefined) ?? firstMessage ?? shortPath(cwd);
  const text = [state, model, sanitize(said).replace(/\s+/g, " ").trim()].filter(Boolean).join(" · ");
  return abridgeText(text, MAX_ABOUT);
}
