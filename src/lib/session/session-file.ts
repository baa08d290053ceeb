import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { listSessionFiles, type SessionFile } from "../core/session-files/locate.ts";
import { KeptSessions, sandboxedDirectoryOf } from "../core/session-files/sandboxed-directory.ts";
import { fileLostError } from "./file-lost.ts";
import { problemOf } from "./files/identity.ts";
import { missingAncestor, readTail, stillHolds } from "./files/tail.ts";
import type { Registry, SeenFile, SessionRecord } from "./registry.ts";
import { sandboxLookup } from "./sandboxed-places.ts";
import type { Session } from "./session.ts";

/**
 * Makes sure that an agent is given the session's own file. Follows a file that was moved, and warns when the file
 * holds an earlier state than our last agent left.
 *
 * @throws PictlError SESSION_FILE_LOST, STORAGE_UNAVAILABLE
 */
export function requireFile(
  session: Session,
  registry: Registry,
  save: (record: SessionRecord) => void,
): void {
  const { record } = session;
  if (record.file === undefined || record.options.ephemeral) return;
  let problem = problemOf(record.file, record.id);
  if (problem?.kind === "missing") {
    // pi writes it with the first message.
    if (!record.written) return;
    if (adoptMoved(session, registry, save)) problem = undefined;
  }
  if (problem !== undefined) throw fileLostError(record, record.file, problem, false);
  const warning = record.seen && warningOf(record.file, record.seen);
  if (warning === undefined) return;
  session.warnings.add(`The file of session ${record.id} ${warning} (${record.file}).`);
  // Once is enough.
  delete record.seen;
  save(record);
}

function warningOf(file: string, { ino, size, mtimeMs, last }: SeenFile): string | undefined {
  if (last === undefined) return undefined;
  // A last line that is cut may have been a whole one of our agent's: pi reads nothing of it any more.
  if (!stillHolds(file, last) || readTail(file, last).isCut)
    return "holds an earlier state: what was said last is not in it. The session goes on from there";
  const now = lstatSync(file);
  if (now.ino === ino && now.size === size && now.mtimeMs === mtimeMs) return undefined;
  const missing = missingAncestor(file);
  return (
    missing &&
    `has a gap: entry ${missing} is missing, and the session goes on without all that was said before`
  );
}

/** The session's file in another place, when there is one alone: somebody has moved it or its directory. */
export function movedFile({ id, file, agentDir }: SessionRecord): SessionFile | undefined {
  if (file === undefined) return undefined;
  const directory = dirname(file);
  const isNested =
    dirname(directory) === join(agentDir, "sessions") || sandboxedDirectoryOf(file, agentDir) !== undefined;
  const { files } = listSessionFiles({
    agentDir,
    idPrefix: id,
    ...(isNested ? {} : { sessionDir: directory }),
  });
  const kept = new KeptSessions();
  // In the directory of another sandboxed session its agent has made it.
  const isPossible = ({ sandboxed }: SessionFile) =>
    sandboxed === undefined || (kept.of(sandboxed)?.id ?? id) === id;
  const found = files.filter(
    (each) => each.path !== file && isPossible(each) && problemOf(each.path, id) === undefined,
  );
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Goes on with the file that {@link movedFile} finds, with all the session's options. A sandboxed agent may have put it
 * there, so that the session gets the sandbox of that place.
 */
export function adoptMoved(
  session: Session,
  registry: Registry,
  save: (record: SessionRecord) => void,
): boolean {
  const { record } = session;
  const moved = movedFile(record);
  if (moved === undefined) return false;
  const sandbox = sandboxLookup(registry)(moved.path);
  if (sandbox !== undefined && record.options.sandbox === undefined) {
    const { noSandbox: _, ...options } = record.options;
    record.options = { ...options, sandbox };
  }
  session.warnings.add(
    `The file of session ${record.id} was moved. The session goes on there (${moved.path}).`,
  );
  record.file = moved.path;
  save(record);
  return true;
}
