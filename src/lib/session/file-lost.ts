import { PictlError } from "../core/errors.ts";
import type { FileProblem } from "./files/identity.ts";
import type { SessionRecord } from "./registry.ts";

/**
 * The session can't go on, because its file isn't there, or isn't the session's any more. An agent would write into
 * somebody else's file, or begin one without a header.
 *
 * @param hasAgent whether a live agent still has the conversation in its memory
 */
export function fileLostError(
  { id }: Pick<SessionRecord, "id">,
  file: string,
  problem: FileProblem,
  hasAgent: boolean,
): PictlError {
  const back = "Put the session's file back, then prompt again.";
  const otherwise = hasAgent
    ? `Its agent still has the conversation: \`pictl session export -s ${id} -f md\` saves that.`
    : `Or forget the session with \`pictl session delete ${id}\`, and start another one with \`pictl prompt --new\`.`;
  return new PictlError("SESSION_FILE_LOST", describe(id, file, problem), {
    hint: `${back} ${otherwise}`,
    details: {
      sessionId: id,
      file,
      problem: problem.kind,
      ...(problem.kind === "other" ? { holds: problem.holds } : {}),
    },
  });
}

/** A turn whose end isn't in the session's file: the file was replaced, removed or cut while the turn ran. */
export function turnNotSavedError(id: string, file: string, problem: FileProblem | undefined): PictlError {
  const what = problem === undefined ? "" : ` ${describe(id, file, problem)}`;
  return new PictlError(
    "TURN_NOT_SAVED",
    `The file of session ${id} was changed while the turn ran, and what was said is not all in it (${file}).${what}`,
    {
      hint:
        problem === undefined
          ? "Keep what this command has printed. The next prompt goes on from what the file holds."
          : `Keep what this command has printed, or save the conversation with \`pictl session export -s ${id} -f md\`. Put the file back before the next prompt.`,
      details: { sessionId: id, file, ...(problem === undefined ? {} : { problem: problem.kind }) },
    },
  );
}

function describe(id: string, file: string, problem: FileProblem): string {
  switch (problem.kind) {
    case "missing":
      return `The file of session ${id} is gone: ${file}.`;
    case "empty":
      return `The file of session ${id} is empty: ${file}.`;
    case "headless":
      return `The file of session ${id} does not start as a pi session: ${file}.`;
    case "other":
      return `The file of session ${id} holds session ${problem.holds}: ${file}.`;
  }
}
