import { systemErrorCode } from "../core/errors.ts";

type Stream = NodeJS.WriteStream;

/** Resolves when the text has been handed to the kernel, or at once when the reader has gone away. */
function write(stream: Stream, text: string): Promise<void> {
  if (text === "" || !stream.writable) return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error == null || systemErrorCode(error) === "EPIPE") resolve();
      else reject(error);
    });
  });
}

/** The answer: stdout carries nothing else. */
export function writeStdout(text: string): Promise<void> {
  return write(process.stdout, text);
}

/** Everything that isn't the answer. */
export function writeStderr(text: string): Promise<void> {
  return write(process.stderr, text);
}

/**
 * Keeps a closed pipe (`| head -1`) from ending the process with a stack trace: a write to it then fails
 * quietly and the command goes on to its own end.
 */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error) => {
      if (systemErrorCode(error) !== "EPIPE") throw error;
    });
  }
}
