import { emitKeypressEvents, type Key } from "node:readline";
import type { Client } from "../../client/client.ts";
import { PictlError } from "../../core/errors.ts";
import type { HistorySearchResult } from "../../protocol/history.ts";
import { colorsFor } from "../render/color.ts";
import { screenLines } from "./interactive-screen.ts";
import type { searchParams } from "./search-flags.ts";

/** Between a key and the search: who types fast isn't searched for letter by letter. */
const PAUSE_MS = 40;
const LIMIT = 100;
const PREVIEW_CONTEXT = 6;

const ENTER_SCREEN = "\u001b[?1049h\u001b[?25l";
const LEAVE_SCREEN = "\u001b[?25h\u001b[?1049l";

/**
 * Searches while somebody types, with a preview of what is chosen. Enter opens the conversation of its session.
 *
 * @throws PictlError USAGE where nobody can type
 */
export async function searchInteractively(
  client: Client,
  query: string,
  params: ReturnType<typeof searchParams>,
): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY || process.env.TERM === "dumb") {
    throw new PictlError("USAGE", "-i needs a terminal.", {
      hint: "Give the words on the command line instead.",
    });
  }
  const finder = new Finder(client, query, params);
  const chosen = await finder.run();
  if (chosen === undefined) return;
  const { runConversation } = await import("../conversation/run-conversation.ts");
  process.exitCode = await runConversation(client, {
    target: { sessionId: chosen },
    fresh: false,
    create: {},
  });
}

class Finder {
  readonly #client: Client;
  readonly #params: ReturnType<typeof searchParams>;
  readonly #chosen = Promise.withResolvers<string | undefined>();
  #query: string;
  #result: HistorySearchResult | undefined;
  #problem = "";
  #selected = 0;
  #asked = 0;
  #pause: NodeJS.Timeout | undefined;

  constructor(client: Client, query: string, params: ReturnType<typeof searchParams>) {
    this.#client = client;
    this.#query = query;
    this.#params = params;
  }

  /** @returns the session to go on with; undefined when the person left */
  async run(): Promise<string | undefined> {
    const { stdin, stdout } = process;
    const onKey = (text: string | undefined, key: Key) => this.#key(text, key);
    const onResize = () => void this.#draw();
    const leave = () => this.#chosen.resolve(undefined);
    const restore = () => {
      stdout.write(LEAVE_SCREEN);
      stdin.setRawMode(false);
    };
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    stdout.write(ENTER_SCREEN);
    stdin.on("keypress", onKey);
    stdout.on("resize", onResize);
    for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, leave);
    // Whatever ends the process, a bug included: a terminal in raw mode is of no use to anybody.
    process.on("exit", restore);
    const stopClose = this.#client.onClose((lost) => this.#chosen.reject(lost));
    try {
      stdin.resume();
      this.#changed();
      return await this.#chosen.promise;
    } finally {
      clearTimeout(this.#pause);
      stopClose();
      process.off("exit", restore);
      for (const signal of ["SIGTERM", "SIGHUP"]) process.off(signal, leave);
      stdin.off("keypress", onKey);
      stdout.off("resize", onResize);
      restore();
      stdin.pause();
    }
  }

  #key(text: string | undefined, key: Key): void {
    if (key.name === "escape" || (key.ctrl && (key.name === "c" || key.name === "d"))) {
      this.#chosen.resolve(undefined);
    } else if (key.name === "return") {
      const hit = this.#result?.hits[this.#selected];
      if (hit !== undefined) this.#chosen.resolve(hit.sessionId);
    } else if (key.name === "up" || (key.ctrl && key.name === "p")) this.#move(-1);
    else if (key.name === "down" || (key.ctrl && key.name === "n")) this.#move(1);
    else if (key.name === "pageup") this.#move(-10);
    else if (key.name === "pagedown") this.#move(10);
    else if (key.name === "backspace") this.#type(Array.from(this.#query).slice(0, -1).join(""));
    else if (key.ctrl && key.name === "u") this.#type("");
    else if (text !== undefined && !key.ctrl && !key.meta && !/\p{Cc}/u.test(text))
      this.#type(this.#query + text);
  }

  #type(query: string): void {
    this.#query = query;
    this.#selected = 0;
    this.#changed();
  }

  #move(by: number): void {
    const last = Math.max(0, (this.#result?.hits.length ?? 0) - 1);
    this.#selected = Math.max(0, Math.min(last, this.#selected + by));
    void this.#draw();
  }

  #changed(): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => void this.#search(), PAUSE_MS);
    void this.#draw();
  }

  async #search(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const result =
        this.#query.trim() === ""
          ? undefined
          : await this.#client.request("search_history", {
              limit: LIMIT,
              context: PREVIEW_CONTEXT,
              ...this.#params,
              query: unfinished(this.#query, this.#params.regex ?? false),
            });
      // Somebody went on typing meanwhile.
      if (asked !== this.#asked) return;
      this.#result = result;
      this.#problem = "";
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#result = undefined;
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    await this.#draw();
  }

  async #draw(): Promise<void> {
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = screenLines(
      { query: this.#query, result: this.#result, selected: this.#selected, problem: this.#problem },
      { columns, rows, colors: await colorsFor(process.stdout) },
    );
    process.stdout.write(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`);
  }
}

/** The word that is being typed is the beginning of one. A single letter would be in nearly everything. */
export function unfinished(query: string, regex: boolean): string {
  return !regex && /(?:^|\s)-?[\p{L}\p{N}]{2,}$/u.test(query) ? `${query}*` : query;
}
