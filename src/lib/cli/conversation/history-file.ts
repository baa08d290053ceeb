import { randomUUID } from "node:crypto";
import { appendFileSync, chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemErrorCode } from "../../core/errors.ts";
import { type Environment, ensurePrivateDir, resolvePaths } from "../../core/paths.ts";

/** Years of typing by hand; at an ordinary length well under a megabyte. */
const MAX_ENTRIES = 1_000;
/** Rewritten only when so many more have come, so that most times a line is added and no more. */
const SLACK = 250;
/** A pasted file is not something to look up again with the arrow keys. */
const MAX_ENTRY_CHARS = 20_000;

/** What was typed into conversations before, in `prompt-history.jsonl` of the state directory (mode 0600). */
export class HistoryFile {
  readonly path: string;

  constructor(env: Environment = process.env) {
    this.path = join(resolvePaths(env).stateDir, "prompt-history.jsonl");
  }

  /** The entries, oldest first. A line that can't be read is passed over. */
  load(): string[] {
    const lines = this.#lines();
    if (lines.length > MAX_ENTRIES + SLACK) this.#rewrite(lines.slice(-MAX_ENTRIES));
    return lines.slice(-MAX_ENTRIES).flatMap(textOf);
  }

  /**
   * Adds an entry. Several terminals may do so at once: one write to a file opened for appending is not torn.
   *
   * @throws Error of the file system
   */
  add(text: string): void {
    if (text.trim() === "" || text.length > MAX_ENTRY_CHARS) return;
    ensurePrivateDir(dirname(this.path));
    appendFileSync(this.path, `${JSON.stringify({ at: Date.now(), text })}\n`, { mode: 0o600 });
  }

  #lines(): string[] {
    try {
      return readFileSync(this.path, "utf8").split("\n").filter(Boolean);
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  #rewrite(lines: readonly string[]): void {
    const beside = `${this.path}.${randomUUID()}`;
    writeFileSync(beside, `${lines.join("\n")}\n`, { mode: 0o600, flag: "wx" });
    chmodSync(beside, 0o600);
    renameSync(beside, this.path);
  }
}

function textOf(line: string): string[] {
  try {
    const { text } = JSON.parse(line) as { text?: unknown };
    return typeof text === "string" ? [text] : [];
  } catch {
    // Half a line, from a full disk.
    return [];
  }
}
