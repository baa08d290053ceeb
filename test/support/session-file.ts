import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sessionDirFor } from "../../src/lib/core/session-files/locate.ts";

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

/**
 * Writes the file of a session that pi has answered these prompts in, for tests that only need one to be there: having
 * it written by pi costs the start of a pi.
 *
 * @returns its id
 */
export function writeSession(
  { cwd, agentDir }: { cwd: string; agentDir: string },
  prompts: readonly string[],
  { model = "scripted/echo", name }: { model?: string; name?: string } = {},
): string {
  const id = randomUUID();
  const timestamp = "2026-11-21T04:50:00.000Z";
  const slash = model.indexOf("/");
  const zeros = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  const answered = {
    api: "pictl-scripted",
    provider: model.slice(0, slash),
    model: model.slice(slash + 1),
    usage: { ...zeros, totalTokens: 0, cost: { ...zeros, total: 0 } },
    stopReason: "stop",
  };
  const messages = prompts.flatMap((text) => [
    { role: "user", content: [{ type: "text", text }] },
    { role: "assistant", content: [{ type: "text", text: `echo: ${text}` }], ...answered },
  ]);
  const bodies = [
    ...(name === undefined ? [] : [{ type: "session_info", name }]),
    ...messages.map((message) => ({
      type: "message",
      message: { ...message, timestamp: Date.parse(timestamp) },
    })),
  ];
  const entryId = (index: number) => `a${String(index).padStart(7, "0")}`;
  const lines = [
    { type: "session", version: 3, id, timestamp, cwd },
    ...bodies.map(({ type, ...body }, index) => ({
      type,
      id: entryId(index),
      parentId: index === 0 ? null : entryId(index - 1),
      timestamp,
      ...body,
    })),
  ];
  const directory = sessionDirFor(cwd, agentDir);
  mkdirSync(directory, { recursive: true });
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  writeFileSync(join(directory, `${timestamp.replaceAll(/[:.]/g, "-")}_${id}.jsonl`), text);
  return id;
}
