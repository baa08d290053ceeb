import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { SessionFile } from "../../../../../src/lib/core/session-files/locate.ts";

type Json = Record<string, unknown>;

/** A directory of the test's own, removed at its end. */
export function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "pictl-files-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What a listing would hand over for a file whose directory hasn't been read: nothing that could match a state. */
export function fileAt(path: string): SessionFile {
  return { path, id: "from-the-name", size: -1, mtimeMs: -2, ino: -1 };
}

export const START = Date.parse("2026-11-21T04:50:00.000Z");

export function usage(input: number, output: number, cost: number): Json {
  return {
    input,
    output,
    cacheRead: 2,
    cacheWrite: 1,
    totalTokens: input + output + 3,
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: cost },
  };
}

/** Writes entries the way pi does: same keys, same order, one second apart. */
export class SessionBuilder {
  readonly lines: string[] = [];
  private last: string | null = null;
  private count = 0;

  constructor(header: Json = {}) {
    this.lines.push(
      JSON.stringify({
        type: "session",
        version: 3,
        id: "s-1",
        timestamp: this.time(),
        cwd: "/home/u/project",
        ...header,
      }),
    );
  }

  get text(): string {
    return `${this.lines.join("\n")}\n`;
  }

  get entries(): Json[] {
    return this.lines.slice(1).map((line) => JSON.parse(line) as Json);
  }

  time(): string {
    return new Date(START + this.count * 1000).toISOString();
  }

  /** Appends an entry below the last one, or below `parent`; returns its id. */
  add(type: string, fields: Json, parent: string | null = this.last): string {
    const id = `e${String(++this.count).padStart(7, "0")}`;
    const base = { id, parentId: parent, timestamp: this.time() };
    // pi writes an extension's entries with the base last.
    const entry = type.startsWith("custom") ? { type, ...fields, ...base } : { type, ...base, ...fields };
    this.lines.push(JSON.stringify(entry));
    this.last = id;
    return id;
  }

  message(message: Json, parent?: string | null): string {
    return this.add("message", { message: { ...message, timestamp: START + this.count * 1000 } }, parent);
  }

  user(text: unknown, parent?: string | null): string {
    return this.message({ role: "user", content: text }, parent);
  }

  assistant(content: unknown, fields: Json = {}): string {
    return this.message({
      role: "assistant",
      content: typeof content === "string" ? [{ type: "text", text: content }] : content,
      api: "anthropic-messages",
      provider: "acme",
      model: "m-1",
      usage: usage(10, 5, 0.25),
      stopReason: "stop",
      ...fields,
    });
  }

  tool(text: string, fields: Json = {}): string {
    return this.message({
      role: "toolResult",
      toolCallId: "call-1",
      toolName: "bash",
      content: [{ type: "text", text }],
      isError: false,
      ...fields,
    });
  }
}
