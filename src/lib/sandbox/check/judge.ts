import type { Attempt, Facts, Guard, Outside, Row } from "./row.ts";

/** What is said of one attempt. */
export interface RowResult {
  id: string;
  concern: string;
  tried: string;
  /** What the policy has to say: "refused", or why it promises nothing. */
  expected: string;
  seen: string;
  status: "held" | "failed" | "inconclusive" | "not promised";
  /** What came of the same attempt where it is allowed. */
  control: string;
  guard: string;
}

/** What there is to judge a row by. */
export interface Evidence {
  attempt: Attempt | undefined;
  outside: Outside;
  control: Attempt | undefined;
  controlOutside: Outside;
  /** Why the probe ended early, if it did. */
  problem: string | undefined;
}

/** Whether a row held, by what the probe saw, what is seen from outside, and what the control came to. */
export function judge(row: Row, facts: Facts, evidence: Evidence): RowResult {
  const { attempt, control } = evidence;
  const promised = row.promised(facts);
  const { id, concern, tried } = row;
  const base = { id, concern, tried, guard: describeGuard(row.guard), control: control?.seen ?? "not tried" };
  if (promised !== true)
    return {
      ...base,
      expected: `no promise: ${promised}`,
      seen: attempt?.seen ?? "-",
      status: "not promised",
    };
  const expected = "refused";
  if (attempt === undefined)
    return { ...base, expected, seen: evidence.problem ?? "no answer of the probe", status: "inconclusive" };
  if (cameThrough(row, evidence.outside, attempt))
    return { ...base, expected, seen: got(row, attempt), status: "failed" };
  if (attempt.late)
    return { ...base, expected, seen: `${attempt.seen}, which shows nothing`, status: "inconclusive" };
  const controlWorked = control !== undefined && cameThrough(row, evidence.controlOutside, control);
  if (controlWorked || (control?.through === true && row.control !== "shared"))
    return { ...base, expected, seen: heldSeen(attempt), status: "held" };
  if (control !== undefined && !control.late && row.machineMayRefuse !== undefined)
    return {
      ...base,
      expected: `no promise: the machine refuses it to everybody (${row.machineMayRefuse})`,
      seen: attempt.seen,
      status: "not promised",
    };
  return {
    ...base,
    expected,
    seen: `${attempt.seen}; and so it was where it is allowed`,
    status: "inconclusive",
  };
}

function cameThrough(row: Row, outside: Outside, attempt: Attempt): boolean {
  return row.cameThrough?.(outside, attempt) ?? attempt.through;
}

/** In a home or a directory of its own an attempt may well succeed. */
function heldSeen({ through, seen }: Attempt): string {
  return through ? `${seen}, but nothing of it shows outside` : seen;
}

function got(row: Row, attempt: Attempt): string {
  // What an attempt was told inside may differ from what shows outside.
  return row.cameThrough === undefined || attempt.through
    ? attempt.seen
    : `${attempt.seen}, but it shows outside`;
}

/** The parts of the sandbox that stand in an attempt's way. */
export function describeGuard(guard: Guard): string {
  return [
    ...(guard.mounts ?? []).map((part) => `mounts: ${part}`),
    ...(guard.readOnly ? ["mounts: read-only"] : []),
    ...(guard.bubblewrap ?? []).map((part) => `bubblewrap: ${part}`),
    ...(guard.seccomp ?? []).map((rule) => `seccomp: ${rule}`),
    ...(guard.gate ? ["gate"] : []),
    ...(guard.environment ? ["clean environment"] : []),
    ...(guard.descriptors ? ["closed descriptors"] : []),
    ...(guard.afterwards ? ["looked at outside"] : []),
    ...(guard.always === undefined ? [] : [guard.always]),
  ].join(", ");
}
