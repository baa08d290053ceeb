import { formatAge } from "./duration.ts";
import { PictlError } from "./errors.ts";

/** Candidates named when a prefix or a name fits more than one session. */
const MAX_CANDIDATES = 10;
/** An id is shown with this many characters at least: fewer are more likely a word. */
export const SHOWN_ID_LENGTH = 8;

/** A session that a reference fits. */
export interface Candidate {
  id: string;
  name?: string;
  cwd: string;
  modifiedAt: number;
}

/** The error for a reference that fits several sessions: it lists them, the latest first. */
export function ambiguous(reference: string, candidates: readonly Candidate[]): PictlError {
  const shown = [...candidates].sort((a, b) => b.modifiedAt - a.modifiedAt).slice(0, MAX_CANDIDATES);
  const now = Date.now();
  const lines = shown.map(({ id, name = "", cwd, modifiedAt }) =>
    `  ${id}  ${formatAge(Math.max(0, now - modifiedAt))}  ${oneLine(cwd)}  ${oneLine(name)}`.trimEnd(),
  );
  const more = candidates.length > shown.length ? [`  and ${candidates.length - shown.length} more`] : [];
  return new PictlError("SESSION_AMBIGUOUS", `"${reference}" fits ${candidates.length} sessions.`, {
    hint: ["Name one by its id:", ...lines, ...more].join("\n"),
    details: { session: reference, candidates: shown },
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
