import { bashReply, parseShellLine } from "./shell-line.ts";
import type { Candidate, Shell } from "./value-kinds.ts";

/** The words of a request, as the script of a shell passes them. */
export interface CompletionRequest {
  before: string[];
  current: string;
  /** Writes the answer in the form that the script expects. */
  answer: (answer: CompletionAnswer) => string;
}

export interface CompletionAnswer {
  candidates: readonly Candidate[];
  /** The shell's own completion of paths, behind this much of the word. */
  paths?: "files" | "directories" | undefined;
  prefix: string;
}

/**
 * Reads what a script of ours passes: bash the line up to the cursor and COMP_WORDBREAKS, the others the words
 * behind `pictl`, the one at the cursor last.
 *
 * The answer's first line says whether the shell completes paths, and behind how many characters of the word:
 * `files 1`. Then comes a candidate a line, for zsh and fish with a tab and a description. The scripts stand in
 * people's files for years: what they pass and read is not to change.
 */
export function readRequest(shell: Shell, passed: readonly string[]): CompletionRequest {
  if (shell !== "bash") {
    return {
      before: passed.slice(0, -1),
      current: passed.at(-1) ?? "",
      answer: ({ candidates, paths, prefix }) =>
        lines(
          paths,
          prefix,
          candidates.map(({ value, about }) => (about === undefined ? value : `${value}\t${oneLine(about)}`)),
        ),
    };
  }
  const [line = "", breaks = ""] = passed;
  const parsed = parseShellLine(line, breaks);
  return {
    before: parsed.before.slice(1),
    current: parsed.current,
    answer: ({ candidates, paths, prefix }) =>
      lines(
        paths,
        prefix,
        candidates
          .filter(({ value }) => value.startsWith(parsed.current))
          .map(({ value }) => bashReply(value, parsed)),
      ),
  };
}

function lines(paths: CompletionAnswer["paths"], prefix: string, candidates: readonly string[]): string {
  return [`${paths ?? "words"} ${prefix.length}`, ...candidates].map((line) => `${line}\n`).join("");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
