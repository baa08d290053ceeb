import { closeSync, fstatSync, read, readFileSync, readlinkSync, readSync, type Stats, write } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { isatty } from "node:tty";
import { promisify } from "node:util";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { type KernelPipe, makeKernelPipes } from "../../sandbox/kernel-pipes.ts";

const CHUNK_BYTES = 64 * 1024;
/** Between two looks at whether the last write has ended, once nobody reads any more. */
const DRAIN_POLL_MS = 1;
/** Character devices that hold nothing: /dev/null and /dev/zero, as major and minor number. Source: devices.txt of Linux. */
const EMPTY_DEVICES: readonly string[] = ["1:3", "1:5"];

/** How this process writes; neither rejects. */
export interface Output {
  writeStdout(bytes: Buffer): Promise<void>;
  writeStderr(text: string): Promise<void>;
}

/**
 * The stdin and stdout of a command in a sandbox. Through /proc/self/fd the command can open again, with other rights,
 * what stands behind a descriptor: a file of the host that was opened for reading could be written, and a directory
 * leads to all around it. So only terminals, sockets, pipes without a name and empty devices are passed as they are.
 */
export class PassedStreams {
  /** For the command. */
  readonly stdin: "inherit" | number;
  readonly stdout: "inherit" | number;
  readonly #feed: Feed | undefined;
  readonly #output: Socket | undefined;
  readonly #childEnds: number[] = [];
  readonly #write: Output;
  #copied: Promise<void> | undefined;
  #finished: Promise<void> | undefined;

  /**
   * @param runtimeDir private directory, for pipes that are being made
   * @throws PictlError USAGE for a directory, and for a block device to write to; SANDBOX_UNAVAILABLE
   */
  constructor(runtimeDir: string, output: Output) {
    this.#write = output;
    const [stdin, stdout] = [fstatSync(0), fstatSync(1)];
    refuseDirectory(stdin, "stdin");
    refuseDirectory(stdout, "stdout");
    refuseBlockDevice(stdout);
    const feeds = !isPassed(0, stdin);
    const copies = !isPassed(1, stdout);
    const pipes = makeKernelPipes(Number(feeds) + Number(copies), runtimeDir);
    const inputPipe = feeds ? pipes.shift() : undefined;
    const outputPipe = copies ? pipes.shift() : undefined;
    this.stdin = inputPipe?.reader ?? "inherit";
    this.stdout = outputPipe?.writer ?? "inherit";
    if (inputPipe !== undefined) {
      this.#feed = new Feed(inputPipe, stdin, output);
      this.#childEnds.push(inputPipe.reader);
    }
    if (outputPipe !== undefined) {
      closeSync(outputPipe.reader);
      this.#output = new Socket({ fd: outputPipe.ours, readable: true, writable: false });
      this.#childEnds.push(outputPipe.writer);
    }
  }

  /** Begins to copy. Call it once the command has been started. */
  start(): void {
    this.#closeChildEnds();
    this.#feed?.start();
    this.#copied = this.#output && copyToStdout(this.#output, this.#write);
  }

  /**
   * Call it once the command has ended, or couldn't be started. Resolves when all that it has written was written on.
   * May be called again.
   */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    this.#closeChildEnds();
    await Promise.all([this.#feed?.finish(), this.#copied]);
    this.#output?.destroy();
  }

  #closeChildEnds(): void {
    for (const fd of this.#childEnds.splice(0)) closeSync(fd);
  }
}

/** Writes this process's stdin into a pipe. */
class Feed {
  readonly #pipe: KernelPipe;
  readonly #output: Output;
  /** Where a file is read from; undefined for what has no positions. */
  readonly #start: number | undefined;
  #written = 0;
  #isOver = false;
  #done: Promise<void> | undefined;

  constructor(pipe: KernelPipe, stats: Stats, output: Output) {
    this.#pipe = pipe;
    this.#output = output;
    this.#start = stats.isFile() || stats.isBlockDevice() ? offsetOfStdin() : undefined;
  }

  start(): void {
    this.#done = this.#copy();
  }

  async #copy(): Promise<void> {
    try {
      const source = this.#start === undefined ? process.stdin : contentsOfStdin(this.#start);
      for await (const chunk of source as AsyncIterable<Buffer>) {
        await this.#write(chunk);
        if (this.#isOver) return;
      }
    } catch (error) {
      if (!this.#isOver)
        await this.#output.writeStderr(`Cannot read stdin: ${systemErrorCode(error) ?? String(error)}\n`);
    } finally {
      closeSync(this.#pipe.writer);
    }
  }

  /** Waits while the pipe is full, in a thread of Node's. */
  async #write(chunk: Buffer): Promise<void> {
    for (let done = 0; done < chunk.length && !this.#isOver; ) {
      const { bytesWritten } = await promisify(write)(
        this.#pipe.writer,
        chunk,
        done,
        chunk.length - done,
        null,
      );
      done += bytesWritten;
      this.#written += bytesWritten;
    }
  }

  /**
   * Ends the copying, and has a file read on behind what the command has read, as if it had been passed itself: a loop
   * of a shell (`while read`) takes its next line there.
   */
  async finish(): Promise<void> {
    this.#isOver = true;
    let isCopying = true;
    const done = this.#done?.finally(() => {
      isCopying = false;
    });
    if (this.#start === undefined) process.stdin.destroy();
    let unread = 0;
    for (; isCopying; await delay(DRAIN_POLL_MS)) unread += drain(this.#pipe.ours);
    await done;
    unread += drain(this.#pipe.ours);
    closeSync(this.#pipe.ours);
    if (this.#start !== undefined) skipStdin(this.#written - unread);
  }
}

async function* contentsOfStdin(start: number): AsyncGenerator<Buffer> {
  for (let position = start; ; ) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await promisify(read)(0, buffer, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Source: proc(5), /proc/PID/fdinfo. */
function offsetOfStdin(): number {
  return Number(/^pos:\s*(\d+)/m.exec(readFileSync("/proc/self/fdinfo/0", "utf8"))?.[1] ?? 0);
}

/** Node has no lseek. */
function skipStdin(bytes: number): void {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    for (let left = bytes; left > 0; ) {
      const count = readSync(0, buffer, 0, Math.min(left, CHUNK_BYTES), null);
      if (count === 0) return;
      left -= count;
    }
  } catch {
    // It couldn't be read before either, which was said.
  }
}

/** Takes what is in a pipe; gives the number of bytes. */
function drain(fd: number): number {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let bytes = 0;
  try {
    for (let count = -1; count !== 0; bytes += count) count = readSync(fd, buffer, 0, CHUNK_BYTES, null);
  } catch (error) {
    if (systemErrorCode(error) !== "EAGAIN") throw error;
  }
  return bytes;
}

/** Ends early where nothing can be written any more: the command then gets EPIPE, as if it had written there itself. */
async function copyToStdout(from: Socket, { writeStdout }: Output): Promise<void> {
  const stop = () => void from.destroy();
  process.stdout.once("error", stop);
  try {
    for await (const bytes of from as AsyncIterable<Buffer>) await writeStdout(bytes);
  } catch (error) {
    if (!from.destroyed) throw error;
  } finally {
    process.stdout.off("error", stop);
  }
}

function isPassed(fd: 0 | 1, stats: Stats): boolean {
  if (isatty(fd) || stats.isSocket()) return true;
  if (stats.isCharacterDevice()) return EMPTY_DEVICES.includes(deviceNumber(stats.rdev));
  // One of the file system is a file of the host, which programs may take commands from. What is written to a pipe may
  // be read again from it, also what others wrote there; what reads from it takes no more than it needs.
  return fd === 0 && stats.isFIFO() && readlinkSync("/proc/self/fd/0").startsWith("pipe:[");
}

function deviceNumber(rdev: number): string {
  return `${(rdev >> 8) & 0xfff}:${rdev & 0xff}`;
}

function refuseDirectory(stats: Stats, name: string): void {
  if (!stats.isDirectory()) return;
  throw new PictlError("USAGE", `The ${name} of this command is a directory.`, {
    hint: "A directory isn't passed to a sandbox: all around it could be opened. Name a file, or </dev/null.",
  });
}

function refuseBlockDevice(stats: Stats): void {
  if (!stats.isBlockDevice()) return;
  throw new PictlError("USAGE", "The stdout of this command is a block device.", {
    hint: "Write to it by another program: pictl sandbox run -- COMMAND | dd of=DEVICE",
  });
}
