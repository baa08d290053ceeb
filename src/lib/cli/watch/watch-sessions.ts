import type { Client } from "../../client/client.ts";
import { toStreamRecords } from "../../client/stream-records.ts";
import { jsonText } from "../../core/json-text.ts";
import type { PushRecord } from "../../protocol/records.ts";
import type { SessionInfo } from "../../protocol/session.ts";
import type { StreamRecord } from "../../protocol/stream.ts";
import { STREAM_VERSION } from "../../protocol/version.ts";
import type { WaitCondition } from "../../protocol/wait.ts";
import { EXIT_INTERRUPTED, interruptible } from "../interruptible.ts";
import { writeStdout } from "../output.ts";
import { type LineFormat, piLines, streamLines } from "../prompt/lines-view.ts";
import { colorsFor } from "../render/color.ts";
import { shortIds } from "../render/short-ids.ts";
import { sanitize } from "../render/text-width.ts";
import type { Target } from "../session-flags.ts";
import { waitForSessions } from "../wait-for-sessions.ts";
import { WatchText } from "./watch-text.ts";

export interface WatchOptions {
  targets: readonly Target[];
  /** Begin after this record; undefined: from now on. */
  since: number | undefined;
  format: "text" | "stream-json" | "pi";
  /** End when this is so in all of them. */
  until: WaitCondition | undefined;
}

/**
 * Shows the records of sessions on stdout until Ctrl-C, or until what was waited for has come.
 *
 * @returns the exit code: 130 after Ctrl-C, else that of `session wait`
 * @throws PictlError SESSION_NOT_FOUND, DAEMON_UNREACHABLE when the daemon goes away
 */
export async function watchSessions(client: Client, options: WatchOptions): Promise<number> {
  const sessions = await findSessions(client, options.targets);
  const show = options.format === "text" ? await textOf(sessions, options.since) : linesOf(options.format);
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => undefined);
  const stopClose = client.onClose((error) => gone.reject(error));
  const stopRecords = client.onRecord(show);
  try {
    return await interruptible(async (interrupted) => {
      const ctrlC = new Promise<number>((resolve) => {
        interrupted.addEventListener("abort", () => resolve(EXIT_INTERRUPTED), { once: true });
      });
      // Asked for before the first record is, so that no end is missed, and answered behind the records before it.
      const ended = options.until === undefined ? [] : [waited(client, sessions, options.until)];
      for (const session of sessions) {
        const since = options.since === undefined ? {} : { since: options.since };
        const { seq } = await client.request("subscribe", { sessionId: session.id, ...since });
        if (options.since === undefined && options.format === "stream-json") await tellStart(session, seq);
      }
      return await Promise.race([ctrlC, gone.promise, ...ended]);
    });
  } finally {
    stopRecords();
    stopClose();
  }
}

/** The first record: from here on nothing is missed. */
async function tellStart({ id, state }: SessionInfo, seq: number): Promise<void> {
  const record: StreamRecord = { v: STREAM_VERSION, type: "state", sessionId: id, seq, state };
  await writeStdout(`${jsonText(record)}\n`);
}

async function waited(
  client: Client,
  sessions: readonly SessionInfo[],
  until: WaitCondition,
): Promise<number> {
  const { exitCode } = await waitForSessions(client, {
    targets: sessions.map(({ id }) => ({ sessionId: id })),
    conditions: [until],
    mode: "all",
    deadline: undefined,
    onResult: () => undefined,
  });
  return exitCode;
}

/** The sessions that are meant, each once. */
async function findSessions(client: Client, targets: WatchOptions["targets"]): Promise<SessionInfo[]> {
  const found = await Promise.all(targets.map((target) => client.request("get_session", target)));
  return [...new Map(found.map(({ session }) => [session.id, session])).values()];
}

function linesOf(format: "stream-json" | "pi"): (record: PushRecord) => void {
  const toLines: LineFormat = format === "pi" ? piLines : streamLines;
  return (record) =>
    void writeStdout(
      toLines(record)
        .map((line) => `${jsonText(line)}\n`)
        .join(""),
    );
}

/** Text, with a heading wherever another session speaks than before. Shows the questions that are open already. */
async function textOf(
  sessions: readonly SessionInfo[],
  since: number | undefined,
): Promise<(record: PushRecord) => void> {
  const colors = await colorsFor(process.stdout);
  const write = (text: string) => void writeStdout(text, { styled: true });
  const short = shortIds(sessions.map(({ id }) => id));
  const views = new Map(sessions.map(({ id }) => [id, new WatchText(colors, write)]));
  let speaking: string | undefined;
  const viewOf = (sessionId: string) => {
    const view = views.get(sessionId);
    if (view === undefined || speaking === sessionId) return view;
    if (speaking !== undefined) views.get(speaking)?.endLine();
    speaking = sessionId;
    const session = sessions.find(({ id }) => id === sessionId);
    const name = session?.name === undefined ? "" : ` ${sanitize(session.name)}`;
    write(`${colors.dim(`== ${short.get(sessionId) ?? sessionId}${name} · ${session?.state}`)}\n`);
    return view;
  };
  for (const { id, questions = [] } of sessions) {
    const view = viewOf(id);
    if (since !== undefined) continue;
    for (const question of questions) {
      view?.show({ v: STREAM_VERSION, type: "question", sessionId: id, state: "open", question });
    }
  }
  return (record) => {
    for (const each of toStreamRecords(record)) viewOf(record.sessionId)?.show(each);
  };
}
