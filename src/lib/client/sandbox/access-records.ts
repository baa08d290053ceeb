import { type Environment, resolvePaths } from "../../core/paths.ts";
import { readAccessLog } from "../../sandbox/gate/access-log.ts";
import type { GateRecord } from "../../sandbox/gate/record.ts";

export type { GateRecord } from "../../sandbox/gate/record.ts";

/** What has gone through the gates of this place's sandboxes, or tried to, oldest first. */
export function sandboxRecords(
  environment: Environment,
  filter: { session?: string | undefined; refused?: boolean; limit: number },
): GateRecord[] {
  const { session, refused, limit } = filter;
  const records = readAccessLog(
    resolvePaths(environment).sandboxLog,
    session === undefined ? {} : { session },
  );
  const wanted = refused ? records.filter(({ verdict }) => verdict !== "allowed") : records;
  return wanted.slice(Math.max(0, wanted.length - limit));
}
