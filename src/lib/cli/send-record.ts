import type { Client } from "../client/client.ts";
import {
  PASSED_THROUGH,
  type PassedThrough,
  type RequestName,
  type RequestParams,
  requestSchemas,
} from "../protocol/requests.ts";
import { inDaemonsWords, type RawRecord } from "./record-to-send.ts";
import type { Target } from "./session-flags.ts";

/**
 * Sends a record that somebody wrote: as the daemon's own request where there is one of that name, as one of
 * pi's commands that it knows, else as it is.
 *
 * @returns the answer's `data`; null where there is none
 * @throws PictlError what the daemon or pi answered
 */
export async function sendRecord(
  client: Client,
  record: RawRecord,
  options: { target: Target; timeoutMs?: number | undefined },
): Promise<unknown> {
  const { type, ...fields } = inDaemonsWords(record);
  // A record may name its session itself, as every request of the protocol does.
  const { cwd } = options.target;
  const here = cwd === undefined ? {} : { cwd };
  const target = typeof fields.sessionId === "string" ? here : options.target;
  if (isRequest(type)) {
    const params = { ...(takesTarget(type) ? target : {}), ...fields } as RequestParams<typeof type>;
    return (await client.request(type, params)) ?? null;
  }
  if (isPassedThrough(type)) return (await client.command(type, { ...target, ...fields })) ?? null;
  const { sessionId: _, ...own } = record;
  const named =
    typeof record.sessionId === "string" ? { ...here, sessionId: record.sessionId } : options.target;
  const { timeoutMs } = options;
  const params = { ...named, record: { ...own, type }, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  return (await client.request("send_record", params)).data ?? null;
}

function isRequest(type: string): type is RequestName {
  return Object.hasOwn(requestSchemas, type);
}

function isPassedThrough(type: string): type is PassedThrough {
  return (PASSED_THROUGH as readonly string[]).includes(type);
}

/** Whether a request is about one session, or begins one in the shell's directory. */
function takesTarget(type: RequestName): boolean {
  return type === "create_session" || type === "ensure_session" || "sessionId" in requestSchemas[type].shape;
}
