import { writeSync } from "node:fs";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { PieceSanitizer, sanitize, sanitizeStyled } from "./render/text-width.ts";

type Stream = NodeJS.WriteStream & { fd: 1 | 2 };

/** A command writes what an agent says as it comes. */
const PIECES = { 1: new PieceSanitizer(), 2: new PieceSanitizer() };

/**
 * Writes to stdout: the answer, and nothing else. A pipe or a file gets the text unchanged. A terminal gets it without
 * anything that controls a terminal. Never rejects: `watchOutput` reports what could not be written.
 *
 * @param options `styled`: keep the styles of our own renderers on a terminal
 * @returns resolves when the kernel has the text
 */
export function writeStdout(text: string | Buffer, options: { styled?: boolean } = {}): Promise<void> {
  return write(process.stdout, text, options.styled === true);
}

/** Writes to stderr: everything that isn't the answer. Like `writeStdout`. */
export function writeStderr(text: string): Promise<void> {
  return write(process.stderr, text, false);
}

/** Shows a line of progress on a terminal in the place of the last one; an empty text clears the line. */
export function replaceStderrLine(text: string): void {
  process.stderr.write(`\u001b[1G\u001b[K${sanitize(text)}`);
}

function write(stream: Stream, text: string | Buffer, styled: boolean): Promise<void> {
  if (text.length === 0 || !stream.writable) return Promise.resolve();
  if (isFile(stream)) {
    writeWhole(stream, text);
    return Promise.resolve();
  }
  const shown = stream.isTTY ? forTerminal(stream.fd, text.toString(), styled) : text;
  return new Promise((resolve) => {
    stream.write(shown, () => resolve());
  });
}

function forTerminal(fd: 1 | 2, text: string, styled: boolean): string {
  return styled ? sanitizeStyled(text) : PIECES[fd].next(text);
}

function isFile(stream: Stream): boolean {
  return (stream as { _type?: string })._type === "fs";
}

/** Node's own stream for files drops the rest of a short write, which is how a disk or a quota fills up. */
function writeWhole(stream: Stream, text: string | Buffer): void {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  try {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(stream.fd, bytes, written);
    }
  } catch (error) {
    stream.emit("error", error);
  }
}

/** Whether nobody reads this stream any more: a closed pipe (`| head -1`) or a closed terminal. */
export function isReaderGone(stream: Stream, error: unknown): boolean {
  const code = systemErrorCode(error) ?? "";
  return ["EPIPE", "ECONNRESET", "ERR_STREAM_DESTROYED"].includes(code) || (stream.isTTY && code === "EIO");
}

const REASONS: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file reached its size limit",
  EIO: "the device reported an error",
  EBADF: "it isn't open for writing",
};

/**
 * Keeps failed writes from ending the process with a stack trace. A reader that has gone away is no failure, and
 * nothing depends on what stderr gets.
 *
 * @returns a function that gives the error of the first write to stdout that failed
 */
export function watchOutput(): () => PictlError | undefined {
  const { stdout, stderr } = process;
  let failure: unknown;
  stdout.on("error", (error) => {
    if (!isReaderGone(stdout, error)) failure ??= error;
  });
  stderr.on("error", () => undefined);
  return () => {
    if (failure === undefined) return undefined;
    const code = systemErrorCode(failure) ?? String(failure);
    return new PictlError("OUTPUT_FAILED", `Cannot write to stdout: ${REASONS[code] ?? code}.`, {
      hint: "The output is incomplete. Free space or write to another place, then run the command again.",
      details: { errno: code },
      cause: failure,
    });
  };
}
