import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";

interface Waiting {
  resolve: (output: string) => void;
  reject: (error: Error) => void;
}

/**
 * A client of a tmux server in control mode: it hears of each change of the screen, and runs commands without a process
 * for each (tmux(1), "CONTROL MODE").
 */
export class TmuxClient {
  /** How often something has changed. */
  changes = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #decoder = new StringDecoder("utf8");
  readonly #waiting: Waiting[] = [];
  #rest = "";
  /** Lines of the command whose output comes; undefined between two commands. */
  #output: { end: string; lines: string[] } | undefined;
  #onChange: (() => void)[] = [];

  private constructor(socket: string) {
    const env = { PATH: process.env.PATH, LANG: "C.UTF-8" };
    this.#child = spawn("tmux", ["-u", "-S", socket, "-C", "attach"], { env });
    this.#child.stdin.on("error", () => undefined);
    this.#child.stdout.on("data", (chunk: Buffer) => this.#read(this.#decoder.write(chunk)));
    this.#child.on("error", (error) => this.#fail(error));
    this.#child.on("close", () => this.#fail(new Error("the tmux server has ended")));
  }

  /** @param socket of a server with one session */
  static async attach(socket: string): Promise<TmuxClient> {
    const client = new TmuxClient(socket);
    // Attaching is the first command.
    await client.#answer();
    return client;
  }

  /** @param line one command of tmux. @returns its output */
  async run(line: string): Promise<string> {
    const answer = this.#answer();
    this.#child.stdin.write(`${line}\n`);
    return await answer;
  }

  /** Resolves when there have been more changes than so many, and after the time. */
  async changedSince(changes: number, ms: number): Promise<void> {
    if (this.changes > changes) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onChange.push(resolve);
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  end(): void {
    this.#child.stdin.end();
  }

  #answer(): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null) reject(new Error("the tmux server has ended"));
      else this.#waiting.push({ resolve, reject });
    });
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const output = this.#output;
    if (output === undefined) {
      // `%begin TIME NUMBER FLAGS`, whose end repeats these.
      if (line.startsWith("%begin ")) this.#output = { end: line.slice("%begin".length), lines: [] };
      else this.#change();
    } else if (line === `%end${output.end}`) {
      this.#output = undefined;
      this.#waiting.shift()?.resolve(output.lines.map((each) => `${each}\n`).join(""));
    } else if (line === `%error${output.end}`) {
      this.#output = undefined;
      this.#waiting.shift()?.reject(new Error(output.lines.join("\n")));
    } else output.lines.push(line);
  }

  #change(): void {
    this.changes += 1;
    for (const resolve of this.#onChange.splice(0)) resolve();
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#change();
  }
}
