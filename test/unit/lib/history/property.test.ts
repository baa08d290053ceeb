import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { HistoryService } from "../../../../src/lib/history/service.ts";
import { type Choice, CODE, TestCorpus, WORDS } from "../../../support/history-corpus.ts";
import { type ModelQuery, type ModelTerm, naiveSearch, typed } from "../../../support/history-model.ts";
import { seededRandom } from "../../../support/random.ts";
import { LONG } from "../../../support/speed.ts";

const ALL = 100_000;
const CHANGES = ["create", "append", "append", "truncate", "replace", "delete", "copy", "spoil"] as const;
const RUNS = LONG ? 60 : 12;

/** Parts of the {@link CODE} in the texts. */
const OPERATORS = ["->", "--", "->b"];

const words = fc.constantFrom(...WORDS);
const term: fc.Arbitrary<ModelTerm> = fc.oneof(
  words.map((word): ModelTerm => ({ kind: "words", words: [word], quoted: false, prefix: false })),
  fc
    .array(words, { minLength: 2, maxLength: 3 })
    .map((list): ModelTerm => ({ kind: "words", words: list, quoted: true, prefix: false })),
  fc
    .constantFrom("al", "so", "ti", "sock", "ca", "e0", "x")
    .map((start): ModelTerm => ({ kind: "words", words: [start], quoted: false, prefix: true })),
  fc.constantFrom(...CODE, ...OPERATORS).map((code): ModelTerm => ({ kind: "code", code })),
);
/** Code that begins with a dash can't be excluded: `-` and `--force` make other code. */
const negatable = term.filter((one) => one.kind !== "code" || !one.code.startsWith("-"));
const query: fc.Arbitrary<ModelQuery> = fc.record({
  groups: fc.array(fc.array(term, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
  not: fc.oneof(
    { weight: 3, arbitrary: fc.constant<ModelTerm[]>([]) },
    { weight: 1, arbitrary: fc.array(negatable, { minLength: 1, maxLength: 1 }) },
  ),
});

/** A last line without its end is whole, and is then written on: it is none any more. */
const LINE_THAT_WENT_ON: [number, [(typeof CHANGES)[number], ModelQuery[]][]] = [
  -1870123867,
  (["truncate", "append", "create"] as const).map((change) => [
    change,
    [
      {
        groups: [[{ kind: "words", words: ["al"], quoted: false, prefix: true }]],
        not: [],
      },
    ],
  ]),
];

interface Place {
  corpus: TestCorpus;
  service: HistoryService;
  scope: { roots: { path: string; nested: boolean }[]; exclude: string[] };
  dispose(): void;
}

function place(): Place {
  const root = mkdtempSync(join(tmpdir(), "pictl-history-"));
  const sessions = join(root, "sessions");
  const service = new HistoryService(join(root, "history.db"));
  return {
    corpus: new TestCorpus(sessions),
    service,
    scope: { roots: [{ path: sessions, nested: true }], exclude: [] },
    dispose: () => {
      service.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function found({ service, scope }: Place, query: string, deep: boolean): Promise<Set<string>> {
  const params = { query, deep, limit: ALL, waitMs: 60_000 };
  const { hits, total } = await service.run("search", scope, params);
  assert.equal(hits.length, total, `the total of ${query}`);
  const ids = hits.map(({ entryId }) => entryId);
  assert.equal(new Set(ids).size, ids.length, `an entry is found once by ${query}`);
  return new Set(ids);
}

async function compare(at: Place, asked: ModelQuery, deep = false): Promise<void> {
  const text = typed(asked);
  const expected = naiveSearch(at.corpus.contents(), asked, deep);
  assert.deepEqual([...(await found(at, text, deep))].sort(), [...expected].sort(), text);
}

describe("search", () => {
  test("finds the same entries as a plain scan, whatever happened to the files in between", async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.tuple(fc.constantFrom(...CHANGES), fc.array(query, { minLength: 1, maxLength: 4 })), {
          minLength: 1,
          maxLength: 8,
        }),
        async (seed, steps) => {
          const at = place();
          const random = seededRandom(seed);
          const choice: Choice = (below) => Math.floor(random() * below);
          try {
            for (let i = 0; i < 3; i++) at.corpus.create(choice);
            for (const [change, queries] of steps) {
              at.corpus[change](choice);
              for (const asked of queries) {
                await compare(at, asked);
                hits += naiveSearch(at.corpus.contents(), asked).size;
              }
            }
            // Reads all files, so that once has to do.
            const [asked] = steps.at(-1)?.[1] ?? [];
            if (asked !== undefined) await compare(at, asked, true);
          } finally {
            at.dispose();
          }
        },
      ),
      { numRuns: RUNS, examples: [LINE_THAT_WENT_ON] },
    );
    assert.ok(hits > RUNS, `only ${hits} hits: the queries look for nothing`);
  });

  test("takes anything for a query", async () => {
    const at = place();
    const random = seededRandom(1);
    at.corpus.create((below) => Math.floor(random() * below));
    try {
      const pieces = fc.oneof(
        fc.string({ unit: "grapheme", maxLength: 12 }),
        fc.constantFrom(
          '"',
          "OR",
          "AND",
          "NOT",
          "-",
          "*",
          "NEAR(",
          ")",
          "body:",
          "^",
          "''",
          "\u0000",
          "--",
          '-"',
          "(",
          "{",
          "\\",
        ),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(pieces, { maxLength: 8 }), async (parts) => {
          for (const query of [parts.join(" "), parts.join("")]) {
            await at.service.run("search", at.scope, { query, limit: 3 }).catch((error: Error) => {
              assert.equal(error.message, "There is nothing to look for.");
            });
          }
        }),
        { numRuns: LONG ? 300 : 50 },
      );
    } finally {
      at.dispose();
    }
  });

  test("is right after a kill -9 in the middle of indexing", async () => {
    const root = mkdtempSync(join(tmpdir(), "pictl-history-"));
    const sessions = join(root, "sessions");
    const corpus = new TestCorpus(sessions);
    const random = seededRandom(7);
    const choice: Choice = (below) => Math.floor(random() * below);
    const scope = { roots: [{ path: sessions, nested: true }], exclude: [] };
    const path = join(root, "history.db");
    try {
      for (let i = 0; i < 150; i++) corpus.create(choice);
      for (let i = 0; i < 800; i++) corpus.append(choice);
      for (let i = 0; i < 20; i++) corpus.copy(choice);
      let cutShort = 0;
      for (let round = 0; round < (LONG ? 6 : 2); round++) {
        const child = fork(join(import.meta.dirname, "../../../fixtures/history/index-and-tell.ts"), [
          path,
          sessions,
        ]);
        const ended = once(child, "exit");
        const until = 0.1 + 0.8 * random();
        child.on("message", (share: number) => {
          if (share < until) return;
          cutShort++;
          child.kill("SIGKILL");
        });
        await ended;
        corpus.append(choice);
        corpus.replace(choice);
        corpus.delete(choice);
      }
      assert.ok(cutShort > 0, "no indexing was cut short");
      const service = new HistoryService(path);
      const at: Place = { corpus, service, scope, dispose: () => service.close() };
      try {
        for (const asked of fc.sample(query, { numRuns: 15, seed: 3 })) await compare(at, asked);
      } finally {
        at.dispose();
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
