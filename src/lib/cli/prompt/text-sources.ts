import { fstatSync, readFileSync } from "node:fs";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { writeStderr } from "../output.ts";

/** No prompt that pi takes is longer; a pipe that never ends must not fill memory. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;
/** After this long without a byte, say what is being waited for: a pipe that nobody closes looks like a hang. */
const STDIN_NOTICE_MS = 3_000;

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

/** All of stdin as text. Says on stderr what it waits for when nothing comes. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const notice = setTimeout(() => {
    void writeStderr(
      "Waiting for the end of stdin… (use --no-stdin, or < /dev/null, to prompt without it)\n",
    );
  }, STDIN_NOTICE_MS);
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      clearTimeout(notice);
      size += chunk.length;
      if (size > MAX_INPUT_BYTES) throw tooLarge("stdin");
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(notice);
  }
  return decode(Buffer.concat(chunks), "stdin");
}

/** The text of the file that --file names. */
export function readTextFile(path: string): string {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
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
  if (content.length > MAX_INPUT_BYTES) throw tooLarge(path);
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
