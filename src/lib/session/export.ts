import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  openSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { exportHtml } from "../agent/pi/export-html.ts";
import { PictlError, toStorageError } from "../core/errors.ts";
import { withUmask } from "../core/inherited.ts";
import { jsonText } from "../core/json-text.ts";
import { outsideEnvironment } from "../core/outside/environment.ts";
import type { RequestParams } from "../protocol/requests.ts";
import type { Caller } from "./caller.ts";
import { openSaved } from "./files/entries.ts";
import { toMarkdown } from "./files/markdown.ts";
import type { Session } from "./session.ts";
import { sessionTranscript } from "./session-entries.ts";
import type { Sessions } from "./sessions.ts";

/**
 * Writes a session to a file: `html` is pi's own export, `jsonl` pi's file as it is, `md` and `json` the
 * active branch. None of them needs a running agent.
 *
 * @throws PictlError DIRECTORY_NOT_FOUND, INVALID_INPUT for a directory, STORAGE_UNAVAILABLE, ENTRY_NOT_FOUND for a session without messages
 */
export async function exportSession(
  sessions: Sessions,
  session: Session,
  { format, outputPath }: Pick<RequestParams<"export_session">, "format" | "outputPath">,
  caller: Caller,
): Promise<void> {
  if (!existsSync(dirname(outputPath))) {
    throw new PictlError("DIRECTORY_NOT_FOUND", `The directory ${dirname(outputPath)} does not exist.`, {
      hint: "Create it, or choose another file with -o.",
      details: { path: outputPath },
    });
  }
  if (statSync(outputPath, { throwIfNoEntry: false })?.isDirectory()) {
    throw new PictlError("INVALID_INPUT", `${outputPath} is a directory.`, {
      hint: "Name the file to write.",
      details: { path: outputPath },
    });
  }
  try {
    await write(sessions, session, format, outputPath, caller);
  } catch (error) {
    throw toStorageError(error, outputPath);
  }
}

async function write(
  sessions: Sessions,
  session: Session,
  format: RequestParams<"export_session">["format"],
  outputPath: string,
  caller: Caller,
): Promise<void> {
  const { file } = session.record;
  const saved = file !== undefined && existsSync(file) ? file : undefined;
  if (format === "html" || format === "jsonl") {
    sessions.requireFile(session);
    if (saved === undefined) throw nothingToExport(session, format);
    const fd = openSaved(saved);
    if (format === "jsonl") return await copy(fd, outputPath, caller.umask);
    closeSync(fd);
    // An agent in a sandbox can't write where the user wants it.
    if (session.agentPid !== undefined && session.sandboxProfile === undefined)
      await session.command({ type: "export_html", outputPath }, caller);
    else {
      const { starter } = sessions;
      const env = starter.environmentOf(caller);
      const clean = outsideEnvironment(env, starter.agentPlaces());
      await exportHtml(await starter.resolvePi(env), clean, saved, outputPath, caller.umask);
    }
    return;
  }
  const messages = await sessionTranscript(session, caller);
  const info = sessions.info(session);
  const text = format === "md" ? toMarkdown(info, messages) : `${jsonText({ session: info, messages }, 2)}\n`;
  withUmask(caller.umask, () => writeFileSync(outputPath, text));
}

async function copy(fd: number, outputPath: string, umask: number | undefined): Promise<void> {
  const { dev, ino, mode } = fstatSync(fd);
  const target = statSync(outputPath, { throwIfNoEntry: false });
  // Onto itself: it would be emptied before it is read.
  if (target?.dev === dev && target.ino === ino) return closeSync(fd);
  const to = withUmask(umask, () => openSync(outputPath, "w", mode & 0o777));
  await pipeline(createReadStream("", { fd }), createWriteStream("", { fd: to }));
}

function nothingToExport(session: Session, format: string): PictlError {
  return new PictlError("ENTRY_NOT_FOUND", `Session ${session.id} has no file to export as ${format}.`, {
    hint: session.record.options.ephemeral
      ? "An ephemeral session is never saved; -f md and -f json work while its agent runs."
      : "pi writes a session with its first answer: prompt it first.",
    details: { sessionId: session.id },
  });
}
