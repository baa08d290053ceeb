import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ForeignWrites } from "../../../../src/lib/session/foreign-writes.ts";

const HEADER = '{"type":"session","version":3,"id":"s1","timestamp":"t","cwd":"/w"}\n';
const line = (id: string, parentId: string | null) =>
  `${JSON.stringify({ type: "message", id, parentId, timestamp: "t" })}\n`;

describe("ForeignWrites", () => {
  let dir: string;
  let path: string;
  /** What the agent holds in its memory, and what it was asked. */
  let known: string[];
  let asked: (string | undefined)[];
  let writes: ForeignWrites;
  const agent = {
    request: async (command: { type: string; since?: string }) => {
      asked.push(command.since);
      const index = command.since === undefined ? 0 : known.indexOf(command.since) + 1;
      if (command.since !== undefined && index === 0)
        return {
          type: "response" as const,
          command: command.type,
          success: false as const,
          error: "not found",
        };
      const entries = known.slice(index).map((id) => ({ id }));
      return { type: "response" as const, command: command.type, success: true as const, data: { entries } };
    },
  } as unknown as Parameters<ForeignWrites["check"]>[0];
  const byAgent = (id: string, parent = known.at(-1) ?? null) => {
    known.push(id);
    appendFileSync(path, line(id, parent));
  };
  const byOther = (id: string, parent: string | null) => appendFileSync(path, line(id, parent));

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-foreign-"));
    path = join(dir, "s.jsonl");
    writeFileSync(path, HEADER + line("a", null));
    known = ["a"];
    asked = [];
    writes = new ForeignWrites();
    writes.begin(path, ForeignWrites.mark(path));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test("nothing is asked while nothing is added", async () => {
    assert.equal(await writes.check(agent), false);
    assert.deepEqual(asked, []);
  });

  test("the agent's own entries are told by one question about the last", async () => {
    byAgent("b");
    byAgent("c");
    assert.equal(await writes.check(agent), false);
    assert.deepEqual(asked, ["c"]);
    assert.equal(await writes.check(agent), false);
    assert.deepEqual(asked, ["c"]);
  });

  test("an agent that has gone back in its tree has still written by itself", async () => {
    byAgent("b");
    byAgent("c", "a");
    assert.equal(await writes.check(agent), false);
  });

  test("what others add is found behind, before and between the agent's own", async () => {
    byOther("x", "a");
    assert.equal(await writes.check(agent), true);
    byAgent("b");
    assert.equal(await writes.check(agent), true);
    known = ["a", "b"];
    writeFileSync(path, HEADER + line("a", null) + line("b", "a") + line("x", "b"));
    assert.equal(await writes.check(agent), true);
    writeFileSync(path, HEADER + line("a", null) + line("x", "a") + line("b", "a"));
    assert.equal(await writes.check(agent), true);
  });

  test("a file that was replaced counts by what stands in it", async () => {
    const copy = join(dir, "copy");
    writeFileSync(copy, HEADER + line("a", null));
    renameSync(copy, path);
    assert.equal(await writes.check(agent), false);
    writeFileSync(path, HEADER + line("other", null));
    assert.equal(await writes.check(agent), true);
    writeFileSync(path, HEADER);
    assert.equal(await writes.check(agent), false);
  });

  test("what a failed turn could not write is found, until it is there", async () => {
    byAgent("b");
    await writes.check(agent);
    writes.working();
    known.push("c");
    assert.equal(await writes.check(agent), false, "only a turn that failed is looked at");
    writes.failed();
    assert.equal(await writes.check(agent), true);
    appendFileSync(path, line("d", "c"));
    known.push("d");
    assert.equal(await writes.check(agent), true, "a hole");
    writes.begin(path, ForeignWrites.mark(path));
    assert.equal(await writes.check(agent), false);
    writes.working();
    byAgent("e");
    writes.failed();
    assert.equal(await writes.check(agent), false);
  });

  test("a line that stays unfinished isn't pi's", async () => {
    appendFileSync(path, '{"type":"mess');
    assert.equal(await writes.check(agent), true);
  });

  test("a file that comes with the first answer, and one that never comes", async () => {
    rmSync(path);
    writes.begin(path, undefined);
    assert.equal(await writes.check(agent), false);
    writeFileSync(path, HEADER + line("a", null));
    assert.equal(await writes.check(agent), false);
    writes.begin(undefined, undefined);
    assert.equal(await writes.check(agent), false);
  });

  test("at its end the file is remembered as the agent leaves it, without what others have added", async () => {
    const sizeOf = () => ({ ino: statSync(path).ino, size: statSync(path).size });
    byAgent("b");
    await writes.check(agent);
    let end = writes.end();
    appendFileSync(path, line("last", "b"));
    assert.deepEqual(end(), sizeOf(), "what it wrote while it ended");

    writes.begin(path, ForeignWrites.mark(path));
    const before = sizeOf();
    byOther("x", "last");
    end = writes.end();
    assert.deepEqual(end(), before);

    writes.begin(path, ForeignWrites.mark(path));
    writes.working();
    byAgent("c", "x");
    assert.deepEqual(writes.end()(), sizeOf(), "of a turn that its death has cut");
  });
});
