import { fstatSync, readFileSync, readlinkSync } from "node:fs";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { type ReadLimit, readFileOfAnyKind, readToEnd } from "./read-file.ts";

/** No prompt that pi takes is longer; a pipe that never ends must not fill memory. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** Node replaces what isn't UTF-8 in an argument; where the kernel shows the bytes, they tell. */
export function checkEncoding(words: readonly string[]): void {
  if (words.some((word) => word.includes("\uFFFD"))) decode(rawArguments(), "an argument");
}

function rawArguments(): Buffer {
  try {
    return readFileSync("/proc/self/cmdline");
  } catch {
    // Only Linux has it. U+FFFD is then taken as what was typed.
    return Buffer.alloc(0);
  }
}

/** A pipe, a socket or a file on stdin carries something for us; a terminal or /dev/null doesn't. */
export function isPiped(): boolean {
  try {
    const stats = fstatSync(0);
    return stats.isFIFO() || stats.isFile() || stats.isSocket();
  } catch {
    // A closed stdin.
    return false;
  }
}

/**
 * Whether stdin is the surrounding shell's own, as in a loop over its lines, and wasn't given to this command. Where
 * there is no /proc nobody can tell.
 */
export function isSharedStdin(): boolean {
  try {
    const parent = `/proc/${process.ppid}`;
    // Others (timeout, npx, an older Node) start a command and pass through what was given to it.
    if (!/^([bdazk]a?|mk|fi)?sh$/.test(readFileSync(`${parent}/comm`, "utf8").trim())) return false;
    return readlinkSync("/proc/self/fd/0") === readlinkSync(`${parent}/fd/0`);
  } catch {
    return false;
  }
}

export function sharedStdinNotice(text: string): string {
  const lines = text.trimEnd().split("\n").length;
  return (
    `The prompt has ${lines === 1 ? "1 line" : `${lines} lines`} from the shell's own stdin added to it. ` +
    "Use --no-stdin or < /dev/null to leave stdin to the shell, for example to its loop.\n"
  );
}

const STDIN_NOTICE = "Waiting for the end of stdin… (use --no-stdin, or < /dev/null, to prompt without it)";

/** All of stdin as text. Writes the notice to stderr when nothing comes for a while. */
export async function readStdin(notice = STDIN_NOTICE): Promise<string> {
  return decode(await readToEnd(process.stdin, notice, limitOf("stdin")), "stdin");
}

/** The text of the file that --file names. */
export async function readTextFile(path: string): Promise<string> {
  let content: Buffer;
  try {
    content = await readFileOfAnyKind(path, path, limitOf(path));
  } catch (error) {
    if (error instanceof PictlError) throw error;
    throw new PictlError(
      "INVALID_INPUT",
      `Cannot read ${path}: ${systemErrorCode(error) ?? String(error)}.`,
      {
        hint: "Check --file.",
        details: { path },
        cause: error,
      },
    );
  }
  return decode(content, path);
}

function decode(bytes: Buffer, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PictlError("INVALID_INPUT", `The text from ${source} is not valid UTF-8.`, {
      hint: "Convert it first, for example with `iconv -f latin1 -t utf-8`.",
      details: { source },
      cause: error,
    });
  }
}

function limitOf(source: string): ReadLimit {
  return { bytes: MAX_INPUT_BYTES, exceeded: () => tooLarge(source) };
}

function tooLarge(source: string): PictlError {
  return new PictlError(
    "MESSAGE_TOO_LARGE",
    `The prompt from ${source} has more than ${MAX_INPUT_BYTES} bytes.`,
    {
      hint: "Put the text into a file and name the file in the prompt, so that the agent reads what it needs.",
      details: { source, limit: "prompt_bytes", value: MAX_INPUT_BYTES },
    },
  );
}
