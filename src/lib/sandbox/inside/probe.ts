import { readFileSync } from "node:fs";
import type { Attempt, Inside } from "../check/row.ts";
import { NO_ANSWER, reasonOf } from "../check/row.ts";
import { ROWS } from "../check/rows.ts";
import { crowdRefusal, type Namespaces, ownNamespaces, refusal } from "./refuse-outside.ts";

/**
 * Tries to get out of the sandbox that it runs in, row by row. Its argument names the namespaces of whoever made
 * the sandbox; without it, or where one of them is its own, it refuses to begin. A second one names the file with what
 * was open before it. The job comes on stdin; each row's result goes to stdout as a line of JSON.
 */

export interface ProbeJob {
  inside: Inside;
  rows: readonly { id: string; as: "attempt" | "control" }[];
}

export interface ProbeRecord {
  id: string;
  as: "attempt" | "control";
  attempt: Attempt;
}

/** Not a code that a shell, bubblewrap or Node ends with. */
export const REFUSED_EXIT_CODE = 86;
/** An attempt that hangs must not keep the others from being made. */
const ATTEMPT_TIMEOUT_MS = 8_000;

const reason = whyNotHere(process.argv[2]);
if (reason === undefined) {
  await run();
  // What an attempt has left open must not keep it.
  process.exit(0);
} else {
  process.stderr.write(`pictl: the probe refuses to run: ${reason}.\n`);
  process.exitCode = REFUSED_EXIT_CODE;
}

function whyNotHere(argument: string | undefined): string | undefined {
  let given: unknown;
  try {
    given = JSON.parse(argument ?? "");
  } catch {
    given = undefined;
  }
  if (typeof given !== "object" || given === null || !("outside" in given))
    return "it wasn't told which namespaces are outside, as `pictl sandbox check` tells it";
  const { outside, shared } = given as { outside?: Namespaces; shared?: string[] };
  return (
    refusal(outside ?? {}, ownNamespaces(), Array.isArray(shared) ? shared : []) ??
    crowdRefusal(readIfThere("/proc/self/uid_map"))
  );
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

async function run(): Promise<void> {
  const job: ProbeJob = JSON.parse(readFileSync(0, "utf8"));
  for (const { id, as } of job.rows) {
    const row = ROWS.find((each) => each.id === id);
    if (row === undefined) continue;
    const act = as === "control" && typeof row.control === "function" ? row.control : row.attempt;
    const descriptors = readIfThere(process.argv[3] ?? "") ?? "";
    const attempt = await bounded(async () => act({ ...job.inside, id, descriptors }));
    const record: ProbeRecord = { id, as, attempt };
    await new Promise((resolve) => process.stdout.write(`${JSON.stringify(record)}\n`, resolve));
  }
}

async function bounded(act: () => Promise<Attempt>): Promise<Attempt> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Attempt>((resolve) => {
    timer = setTimeout(() => resolve(NO_ANSWER), ATTEMPT_TIMEOUT_MS);
  });
  try {
    return await Promise.race([act(), late]);
  } catch (error) {
    return { through: false, seen: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}
