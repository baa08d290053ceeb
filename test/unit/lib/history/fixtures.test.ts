import assert from "node:assert/strict";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { HistoryService } from "../../../../src/lib/history/service.ts";
import type { Hit } from "../../../../src/lib/history/types.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures/history");

function open(t: TestContext, directory: string) {
  const root = mkdtempSync(join(tmpdir(), "pictl-history-"));
  const service = new HistoryService(join(root, "history.db"));
  t.after(() => {
    service.close();
    rmSync(root, { recursive: true });
  });
  const scope = { roots: [{ path: join(FIXTURES, directory), nested: false }], exclude: [] };
  return {
    status: () => service.run("status", scope, {}),
    stats: (by: "tool" | "model") => service.run("stats", scope, { by }),
    async find(query: string, more: object = {}): Promise<Hit[]> {
      return (await service.run("search", scope, { query, waitMs: 60_000, ...more })).hits;
    },
    async only(query: string, more: object = {}): Promise<Hit> {
      const [hit, ...others] = await this.find(query, more);
      assert.ok(hit !== undefined && others.length === 0, `${query}: ${others.length + (hit ? 1 : 0)} hits`);
      return hit;
    },
  };
}

const written = globSync("pi-*", { cwd: FIXTURES }).sort();

test("there are sessions of three versions of pi", () => {
  assert.deepEqual(written, ["pi-0.73.1", "pi-0.87.1", "pi-1.5.2"]);
});

for (const version of written) {
  describe(`sessions that ${version} has written`, () => {
    test("are indexed whole, each entry once", async (t) => {
      const history = open(t, version);
      const kinds: Record<string, string> = {
        quincewood: "user",
        "src/quince_wood.ts": "assistant",
        damsoncall: "call",
        sloeresult: "result",
        greengageanswer: "assistant",
        abandonedpear: "user",
        summarycherry: "summary",
        chosenfig: "user",
        labelapricot: "label",
        shelloutput: "bash",
        customrowan: "custom",
        compactedmulberry: "summary",
        namedhawthorn: "name",
        finalpersimmon: "assistant",
        forkedquince: "user",
      };
      for (const [query, kind] of Object.entries(kinds)) {
        const hits = await history.find(query);
        // `src/quince_wood.ts` is also in the tool's result.
        const hit = hits.find((one) => one.kind === kind);
        assert.ok(hit, `${query} as ${kind}`);
        if (query !== "src/quince_wood.ts" && query !== "labelapricot") assert.equal(hits.length, 1, query);
      }
      assert.equal((await history.find("medlarthought")).length, 0);
      assert.equal((await history.only("medlarthought", { includeThinking: true })).kind, "thinking");
      for (const nothing of [
        "notindexedelder",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg",
      ])
        assert.deepEqual(await history.find(nothing), [], nothing);
      const { problems, sessions } = await history.status();
      assert.equal(sessions, 3);
      assert.deepEqual(problems, {
        unreadable: [],
        foreign: [],
        skipped: [],
        brokenLines: [],
        tooLongLines: [],
      });
    });

    test("what lies beyond the indexed part of a tool's result is found in the files", async (t) => {
      const history = open(t, version);
      assert.deepEqual(await history.find("beyondtheindex"), []);
      assert.equal((await history.only("beyondtheindex", { deep: true })).kind, "result");
      assert.equal((await history.only("beyond.{3}index", { regex: true })).kind, "result");
    });

    test("a scan of the files tells the same of an entry as the index", async (t) => {
      const history = open(t, version);
      const told = (hits: Hit[]) => {
        const ofEach = hits.map(({ snippet: _, score: __, copies = [], ...hit }) => ({
          ...hit,
          copies: copies.map(({ file }) => file).sort(),
        }));
        return ofEach.sort((a, b) => (a.entryId < b.entryId ? -1 : 1));
      };
      for (const query of [
        "damsoncall",
        "sloeresult",
        "abandonedpear",
        "chosenfig",
        "chosendate",
        "forkedquince",
      ]) {
        const indexed = await history.find(query);
        assert.ok(indexed.length > 0, query);
        assert.deepEqual(told(await history.find(query, { deep: true })), told(indexed), query);
        assert.deepEqual(told(await history.find(query, { regex: true })), told(indexed), query);
      }
    });

    test("branches, copies and the way back are told", async (t) => {
      const history = open(t, version);
      const left = await history.only("abandonedpear");
      assert.equal(left.branch, "abandoned");
      assert.equal(left.forkAt, undefined);
      const prompt = await history.only("chosenfig");
      assert.equal(prompt.branch, "active");
      assert.equal(prompt.forkAt, prompt.entryId);
      assert.equal(prompt.copies?.length, 2, "it is in the fork and in the clone");
      const answer = await history.only("chosendate");
      assert.equal(answer.forkAt, prompt.entryId, "an answer leads to its prompt");
      assert.equal(answer.model, "anthropic/claude-sonnet-4-5");
      assert.equal(answer.tokens, 120);
    });

    test("copies cost nothing", async (t) => {
      const history = open(t, version);
      const { rows } = await history.stats("model");
      // Five answers of the session itself, and one of its fork.
      assert.equal(rows[0]?.count, 6);
      assert.equal(Math.round((rows[0]?.cost ?? 0) * 100), 18);
      assert.deepEqual(
        (await history.stats("tool")).rows.map(({ name, count, turns }) => ({ name, count, turns })),
        [{ name: "bash", count: 1, turns: 1 }],
      );
    });
  });
}

describe("files of older formats, made by hand", () => {
  test("format 1: no ids, entries are known by their place", async (t) => {
    const history = open(t, "by-hand");
    const hits = await history.find("versionone", { sort: "time" });
    assert.deepEqual(
      hits.map(({ entryId, kind }) => [entryId, kind]),
      [
        ["00000004", "user"],
        ["00000003", "summary"],
        ["00000002", "assistant"],
        ["00000001", "user"],
      ],
    );
    assert.deepEqual(
      hits.map(({ forkAt }) => forkAt),
      ["2", "1", "1", "1"],
      "by the number of the prompt, since pi makes up the ids anew",
    );
    assert.deepEqual(
      (await history.find("versionone", { sort: "time", deep: true })).map(({ forkAt }) => forkAt),
      ["2", "1", "1", "1"],
    );
  });

  test("format 2: hook messages, branches", async (t) => {
    const history = open(t, "by-hand");
    assert.equal((await history.only("hooked")).kind, "custom");
    assert.equal((await history.only("hooked")).branch, "abandoned");
    assert.equal((await history.only('"other branch"')).branch, "active");
  });
});
