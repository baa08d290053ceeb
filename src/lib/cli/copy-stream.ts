import type { Readable } from "node:stream";
import { systemErrorCode } from "../core/errors.ts";

/** Copies to an output of this process, at the speed of its reader, and stops in silence when that has gone away. */
export async function copyStream(content: Readable, output: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of content as AsyncIterable<Buffer>) {
    if (!output.writable) return;
    await new Promise<void>((resolve, reject) => {
      output.write(chunk, (error) => {
        if (error == null || systemErrorCode(error) === "EPIPE") resolve();
        else reject(error);
      });
    });
  }
}
