import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ForeignWrites } from "../../../../src/lib/session/foreign-writes.ts";

const HEADER = '{"type":"session","version":3,"id":"s1","timestamp":"t","cwd":"/w"}\n';
const line = (id: string, parentId: string | null) =>
  `${JSON.stringify({ type: "message", id, parentId, timestamp: "t", message: { role: "user" } })}\n`;

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
  const check = async (): Promise<string | undefined> => {
    const difference = await writes.check(agent);
    return difference?.kind === "lost" ? difference.problem.kind : difference?.kind;
  };
  const replaceBySame = () => {
    copyFileSync(path, join(dir, "copy"));
    renameSync(join(dir, "copy"), path);
  };
  const byOther = (id: string, parent: string | null) => appendFileSync(path, line(id, parent));

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-foreign-"));
    path = join(dir, "s.jsonl");
    writeFileSync(path, HEADER + line("a", null));
    known = ["a"];
    asked = [];
    writes = new ForeignWrites("s1");
    writes.begin(path, ForeignWrites.mark(path));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test("nothing is asked while nothing is added", async () => {
    assert.equal(await check(), undefined);
    assert.deepEqual(asked, []);
  });

  test("the agent's own entries are told by one question about the last", async () => {
    byAgent("b");
    byAgent("c");
    assert.equal(await check(), undefined);
    assert.deepEqual(asked, ["c"]);
    assert.equal(await check(), undefined);
    assert.deepEqual(asked, ["c"]);
  });

  test("an agent that has gone back in its tree has still written by itself", async () => {
    byAgent("b");
    byAgent("c", "a");
    assert.equal(await check(), undefined);
  });

  test("what others add is found behind, before and between the agent's own", async () => {
    byOther("x", "a");
    assert.equal(await check(), "changed");
    byAgent("b");
    assert.equal(await check(), "changed");
    known = ["a", "b"];
    writeFileSync(path, HEADER + line("a", null) + line("b", "a") + line("x", "b"));
    assert.equal(await check(), "changed");
    writeFileSync(path, HEADER + line("a", null) + line("x", "a") + line("b", "a"));
    assert.equal(await check(), "changed");
  });

  test("content that was taken away or exchanged is found, wherever that was", async () => {
    byAgent("b");
    assert.equal(await check(), undefined);
    const whole = readFileSync(path, "utf8");
    const changes: [string, () => void, string][] = [
      ["an older copy", () => writeFileSync(path, HEADER + line("a", null)), "changed"],
      ["the same in another file", replaceBySame, "changed"],
      ["other content of the same size", () => writeFileSync(path, whole.replace('"t"', '"u"')), "changed"],
      ["an older copy with more behind it", () => byOther("x", "a"), "changed"],
      ["a cut within a line", () => writeFileSync(path, whole.slice(0, -5)), "changed"],
      ["empty", () => writeFileSync(path, ""), "empty"],
      ["no header", () => writeFileSync(path, line("c", "b")), "headless"],
      ["another session", () => writeFileSync(path, whole.replace('"s1"', '"s2"')), "other"],
      ["gone", () => rmSync(path), "missing"],
    ];
    for (const [what, change, expected] of changes) {
      writeFileSync(path, whole);
      writes.begin(path, ForeignWrites.mark(path));
      assert.equal(await check(), undefined, what);
      change();
      assert.equal(await check(), expected, what);
      assert.equal(await check(), expected, `${what}, once more`);
    }
  });

  test("a file that was written to and given its old times back is found", async () => {
    await check();
    const { atime, mtime } = statSync(path);
    writeFileSync(path, readFileSync(path, "utf8").replace('"t"', '"u"'));
    utimesSync(path, atime, mtime);
    assert.equal(await check(), "changed");
  });

  test("a file that the agent wrote anew when it read it is the agent's", async () => {
    writeFileSync(path, HEADER + line("a", null).replace("}", "}   ") + line("b", "a"));
    known = ["a", "b"];
    assert.equal(await check(), undefined);
  });

  test("tells whether what was said in a turn is in the file", async () => {
    const turn = async (change: () => void) => {
      writeFileSync(path, HEADER + line("a", null));
      known = ["a"];
      writes.begin(path, ForeignWrites.mark(path));
      writes.working();
      byAgent("b");
      byAgent("c");
      change();
      if (!writes.mayLackTurn(2, true)) return "saved";
      const lost = await writes.lacksTurn(agent);
      return lost === undefined ? "saved after all" : (lost.problem?.kind ?? "not saved");
    };
    assert.equal(await turn(() => undefined), "saved");
    assert.deepEqual(asked, [], "the agent was asked where the file tells");
    assert.equal(await turn(() => writeFileSync(path, HEADER + line("a", null))), "not saved");
    assert.equal(
      await turn(() => writeFileSync(path, HEADER + line("a", null) + line("b", "a"))),
      "not saved",
    );
    assert.equal(
      await turn(() => writeFileSync(path, HEADER + line("x", null) + line("c", "b"))),
      "not saved",
    );
    assert.equal(await turn(() => writeFileSync(path, line("c", "b"))), "headless");
    assert.equal(await turn(() => rmSync(path)), "missing");
    assert.equal(await turn(replaceBySame), "saved after all");
    assert.equal(await turn(() => byAgent("d", "a")), "saved after all", "the agent went back in its tree");
  });

  test("what a failed turn could not write is found, until it is there", async () => {
    byAgent("b");
    await writes.check(agent);
    writes.working();
    known.push("c");
    assert.equal(await check(), undefined, "only a turn that failed is looked at");
    writes.failed();
    assert.equal(await check(), "changed");
    appendFileSync(path, line("d", "c"));
    known.push("d");
    assert.equal(await check(), "changed", "a hole");
    writes.begin(path, ForeignWrites.mark(path));
    assert.equal(await check(), undefined);
    writes.working();
    byAgent("e");
    writes.failed();
    assert.equal(await check(), undefined);
  });

  test("a line that stays unfinished isn't pi's", async () => {
    appendFileSync(path, '{"type":"mess');
    assert.equal(await check(), "changed");
  });

  test("a file that comes with the first answer, and one that never comes", async () => {
    rmSync(path);
    writes.begin(path, undefined);
    assert.equal(await check(), undefined);
    writeFileSync(path, HEADER + line("a", null));
    assert.equal(await check(), undefined);
    writes.begin(undefined, undefined);
    assert.equal(await check(), undefined);
  });

  test("at its end the file is remembered as the agent leaves it, without what others have added", async () => {
    const sizes = (seen: ReturnType<ReturnType<ForeignWrites["end"]>>) => ({
      ino: seen?.ino,
      size: seen?.size,
    });
    const sizeOf = () => ({ ino: statSync(path).ino, size: statSync(path).size });
    byAgent("b");
    await writes.check(agent);
    let end = writes.end();
    appendFileSync(path, line("last", "b"));
    assert.deepEqual(sizes(end()), sizeOf(), "what it wrote while it ended");

    writes.begin(path, ForeignWrites.mark(path));
    const before = sizeOf();
    byOther("x", "last");
    end = writes.end();
    assert.deepEqual(sizes(end()), before);

    writes.begin(path, ForeignWrites.mark(path));
    writes.working();
    byAgent("c", "x");
    assert.deepEqual(sizes(writes.end()()), sizeOf(), "of a turn that its death has cut");
  });
});
