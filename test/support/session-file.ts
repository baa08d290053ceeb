import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";

interface Entry {
  type: string;
  id?: string;
  parentId?: string | null;
  message?: { role?: string; stopReason?: string; content?: unknown };
}

/** A session file as it was seen: it may only grow, by whole lines, in one line of descent. */
export class WatchedFile {
  readonly path: string;
  #seen = "";

  constructor(path: string) {
    this.path = path;
  }

  /** Remembers the lines that pi has finished; nothing after them counts. */
  remember(): void {
    if (!existsSync(this.path)) return;
    const text = readFileSync(this.path, "utf8");
    const finished = text.slice(0, text.lastIndexOf("\n") + 1);
    assert.ok(finished.startsWith(this.#seen), `${this.path} has lost lines`);
    this.#seen = finished;
  }

  /**
   * Checks what is there against what was remembered.
   *
   * @returns its entries
   */
  check(): Entry[] {
    if (!existsSync(this.path)) {
      assert.equal(this.#seen, "", `${this.path} is gone`);
      return [];
    }
    const text = readFileSync(this.path, "utf8");
    assert.ok(text.startsWith(this.#seen), `${this.path} has lost lines that pi had finished`);
    assert.ok(text.endsWith("\n"), `${this.path} ends in the middle of a line: ${text.slice(-200)}`);
    const entries = text
      .slice(0, -1)
      .split("\n")
      .map((line) => JSON.parse(line) as Entry);
    const [header, ...rest] = entries;
    assert.equal(header?.type, "session", `${this.path} begins with ${JSON.stringify(header)}`);
    // Two writers would both go on from the same entry.
    for (const [index, entry] of rest.entries()) {
      const before = index === 0 ? null : rest[index - 1]?.id;
      assert.equal(
        entry.parentId ?? null,
        before,
        `${this.path}: entry ${entry.id} doesn't follow the one before`,
      );
    }
    this.#seen = text;
    return entries;
  }
}
