import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { PictlError } from "../../../../src/lib/core/errors.ts";
import type { Logger } from "../../../../src/lib/core/logger.ts";
import { History } from "../../../../src/lib/history/history.ts";
import { HistoryService } from "../../../../src/lib/history/service.ts";
import type { SearchParams, SearchResult } from "../../../../src/lib/history/types.ts";
import { LONG } from "../../../support/speed.ts";

const DAY = 86_400_000;
const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const NOW = Date.now();

interface Entry {
  role?: string;
  text: string;
  name?: true;
  age?: number;
  /** Fields of the message beside its role and content. */
  more?: object;
}

/** The entries of a session, in `/p` unless it says otherwise. */
type Session = Entry[] | { cwd: string; entries: Entry[] };

function open(t: TestContext, sessions: Record<string, Session>) {
  const root = mkdtempSync(join(tmpdir(), "pictl-history-"));
  const directory = join(root, "sessions", "--p--");
  mkdirSync(directory, { recursive: true });
  for (const [id, session] of Object.entries(sessions)) {
    const { cwd, entries } = Array.isArray(session) ? { cwd: "/p", entries: session } : session;
    const header = {
      type: "session",
      version: 3,
      id,
      timestamp: new Date(NOW - 400 * DAY).toISOString(),
      cwd,
    };
    const lines = entries.map(({ role = "user", text, name, age = 0, more }, i) => {
      const base = {
        id: `${id}${i}`,
        parentId: i === 0 ? null : `${id}${i - 1}`,
        timestamp: new Date(NOW - age * DAY).toISOString(),
      };
      const tool = role === "toolResult" ? { toolCallId: "c", toolName: "bash" } : {};
      return name
        ? { type: "session_info", ...base, name: text }
        : {
            type: "message",
            ...base,
            message: { role, ...tool, content: [{ type: "text", text }], ...more },
          };
    });
    writeFileSync(
      join(directory, `2026_${id}.jsonl`),
      [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  }
  const service = new HistoryService(join(root, "history.db"));
  t.after(() => {
    service.close();
    rmSync(root, { recursive: true });
  });
  const scope = { roots: [{ path: join(root, "sessions"), nested: true }], exclude: [] };
  const search = (query: string, more: Partial<SearchParams> = {}, roots = scope.roots) =>
    service.run("search", { ...scope, roots }, { query, waitMs: 60_000, ...more });
  return {
    scope,
    path: join(root, "history.db"),
    directory,
    search,
    show: (session: string, at: string) => service.run("show", scope, { session, at }),
    ids: async (query: string, more: Partial<SearchParams> = {}) =>
      (await search(query, more)).hits.map(({ entryId }) => entryId),
  };
}

describe("the order", () => {
  test("names before words of people, those before output of tools", async (t) => {
    const { ids } = open(t, {
      a: [
        { role: "toolResult", text: "needle" },
        { text: "needle" },
        { role: "assistant", text: "needle" },
        { text: "needle", name: true },
      ],
    });
    assert.deepEqual(await ids("needle"), ["a3", "a1", "a2", "a0"]);
  });

  test("recent before old, and by time when asked", async (t) => {
    const { ids } = open(t, {
      a: [
        { text: "needle", age: 300 },
        { text: "needle", age: 100 },
        { role: "toolResult", text: "needle" },
      ],
    });
    assert.deepEqual(await ids("needle"), ["a1", "a2", "a0"]);
    assert.deepEqual(await ids("needle", { sort: "time" }), ["a2", "a1", "a0"]);
  });

  test("the limit takes the best, and pages go on behind it", async (t) => {
    const { search, ids } = open(t, {
      a: Array.from({ length: 50 }, (_, i) => ({ text: `needle ${i}`, age: i })),
    });
    const first = await search("needle", { limit: 3, sort: "time" });
    assert.equal(first.total, 50);
    assert.deepEqual(
      first.hits.map(({ entryId }) => entryId),
      ["a0", "a1", "a2"],
    );
    assert.deepEqual(await ids("needle", { limit: 3, offset: 3, sort: "time" }), ["a3", "a4", "a5"]);
  });

  test("is the same for all pages, of whatever size: none repeats an entry or leaves one out", async (t) => {
    const { ids } = open(t, {
      // Many at the same time, and the words so often that what is looked at changes the order.
      a: Array.from({ length: 150 }, (_, i) => ({ text: "needle, ".repeat(1 + (i % 9)), age: i % 5 })),
    });
    for (const more of [{}, { sort: "time" }, { deep: true }] as const) {
      for (const query of ["needle", "needle,"]) {
        const whole = await ids(query, { ...more, limit: 1_000 });
        assert.equal(new Set(whole).size, 150);
        for (const limit of LONG ? [7, 30, 64] : [30, 64]) {
          const paged = [];
          for (let offset = 0; offset < 150; offset += limit)
            paged.push(...(await ids(query, { ...more, limit, offset })));
          assert.deepEqual(paged, whole, `${query} ${JSON.stringify(more)} by ${limit}`);
        }
      }
    }
  });

  test("an entry that is gone since it was indexed moves no other to another page", async (t) => {
    const { ids, directory } = open(t, {
      a: Array.from({ length: 10 }, (_, i) => ({ text: `needle ${i}`, age: i })),
    });
    const path = join(directory, "2026_a.jsonl");
    const whole = readFileSync(path, "utf8");
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    await ids("needle");
    // As long and as old as it was: nobody knows yet.
    writeFileSync(
      path,
      whole.replace(/^.*"id":"a1".*$/m, (line) => "x".repeat(line.length)),
    );
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    for (const sort of ["time", "relevance"] as const) {
      const pages = [];
      for (let offset = 0; offset < 10; offset += 4)
        pages.push(...(await ids("needle", { sort, limit: 4, offset })));
      assert.deepEqual(pages, ["a0", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"], sort);
    }
  });
});

test("half-width katakana is the same as full-width, also where it is voiced", async (t) => {
  const { search, ids } = open(t, {
    a: [{ text: "半角のｶﾞｷﾞﾊﾟ" }, { text: "全角のガギパ" }, { text: "清音のカキハ" }, { text: "ｱﾞ" }],
  });
  for (const query of ["ガギパ", "ｶﾞｷﾞﾊﾟ", "ガｷﾞ", "ﾊﾟ"])
    for (const deep of [false, true])
      assert.deepEqual((await ids(query, { deep })).sort(), ["a0", "a1"], query);
  assert.deepEqual((await ids("ｶ")).sort(), ["a2"]);
  assert.deepEqual(await ids("ｱﾞ"), ["a3"]);
  const { hits } = await search("ギ");
  for (const { snippet } of hits)
    assert.deepEqual(
      snippet.highlights.map(([from, to]) => snippet.text.slice(from, to)),
      ["ギ"],
    );
});

describe("the snippet", () => {
  const marked = ({ text, highlights }: { text: string; highlights: [number, number][] }) =>
    highlights.map(([from, to]) => text.slice(from, to));

  test("marks what was found, as it is written there", async (t) => {
    const { search } = open(t, {
      a: [{ text: "Ein CAFÉ\u0301 — ﬁne 日本語だ, foo.Bar( and Fooling, refined" }],
    });
    for (const [query, expected] of [
      ["cafe", ["CAFÉ"]],
      ["fine", ["ﬁne"]],
      ["本語", ["本語"]],
      ["foo.bar(", ["foo.Bar("]],
      ["fool*", ["Fooling"]],
    ] as const) {
      const [hit] = (await search(query)).hits;
      assert.ok(hit, query);
      assert.deepEqual(
        marked(hit.snippet).map((text) => text.normalize("NFC").replace("\u0301", "")),
        [...expected],
        query,
      );
    }
  });

  test("marks a phrase where its words are apart, or need not be", async (t) => {
    const { search } = open(t, {
      a: [
        { text: "durianfruit, durian — Fruit, a durian fruit 🚀検索x" },
        { text: `${"🚀 ".repeat(200)}, ${"🚀".repeat(12)}y` },
      ],
    });
    for (const [query, expected] of [
      ['"durian fruit"', ["durian — Fruit", "durian fruit"]],
      ['"fruit 🚀 検 索 x"', ["fruit 🚀検索x"]],
      ["索x", ["索x"]],
      // Not in every way to leave out some of the others.
      [`${"🚀".repeat(12)}y`, [`${"🚀".repeat(12)}y`]],
    ] as const) {
      const [hit] = (await search(query)).hits;
      assert.ok(hit, query);
      assert.deepEqual(marked(hit.snippet), expected, query);
    }
  });

  test("shows the line, more with context, and little of a long one", async (t) => {
    const { search } = open(t, {
      a: [{ text: `one\ntwo\nthe needle\nfour\nfive\n${"x ".repeat(2_000)}needles ${"y ".repeat(2_000)}` }],
    });
    assert.equal((await search("needle")).hits[0]?.snippet.text, "the needle");
    assert.equal((await search("needle", { context: 1 })).hits[0]?.snippet.text, "two\nthe needle\nfour");
    const long = (await search("needles")).hits[0]?.snippet;
    assert.ok(long && long.text.length < 300 && long.text.startsWith("…") && long.text.endsWith("…"));
    assert.deepEqual(marked(long), ["needles"]);
  });
});

describe("suggestions", () => {
  const suggestions = async (t: TestContext, sessions: Record<string, Session>, more = {}) =>
    (await open(t, sessions).search("apletree", more)).suggestions;

  test("are words of what was searched, and of nothing else", async (t) => {
    const sessions = {
      a: { cwd: "/mine", entries: [{ text: "appletrees" }, { role: "toolResult", text: "apletrees" }] },
      b: { cwd: "/theirs", entries: [{ text: "appletree apletree" }] },
    };
    assert.deepEqual(await suggestions(t, sessions), []);
    assert.deepEqual(await suggestions(t, sessions, { project: "/mine", role: "user" }), ["appletrees"]);
    assert.deepEqual(await suggestions(t, sessions, { project: "/mine" }), ["apletrees", "appletrees"]);
  });

  test("never part of what is masked", async (t) => {
    const { search } = open(t, { a: [{ text: "key: sk-ant-abcdefghijklmnopqrst" }] });
    assert.deepEqual((await search("abcdefghijklmnopqrsx")).suggestions, []);
    assert.deepEqual((await search("abcdefghijklmnopqrsx", { showSecrets: true })).suggestions, [
      "abcdefghijklmnopqrst",
    ]);
  });
});

describe("a scan of the files", () => {
  const long = (text: string) => `${"padding\n".repeat(400)}${text}`;

  /** What several searches give, which is the same with ripgrep and without. */
  async function both(
    search: (query: string, more: Partial<SearchParams>) => Promise<SearchResult>,
    asked: [string, Partial<SearchParams>][],
  ): Promise<SearchResult[]> {
    const run = async () => {
      const results = [];
      for (const [query, more] of asked) results.push({ ...(await search(query, more)), tookMs: 0 });
      return results;
    };
    const found = await run();
    const path = process.env.PATH;
    try {
      process.env.PATH = "/nowhere";
      assert.deepEqual(await run(), found);
    } finally {
      process.env.PATH = path;
    }
    return found;
  }

  test("gives the same with ripgrep and without", async (t) => {
    const { search } = open(t, {
      a: [
        { role: "toolResult", text: long("farneedle beyond") },
        { role: "toolResult", text: long("FARNEEDLE upper") },
        { role: "toolResult", text: long("fárneedle accent") },
        { role: "toolResult", text: long("farneedles no") },
        { text: "nothing" },
      ],
    });
    const found = await both(search, [
      ["farneedle", { deep: true }],
      ['"padding farneedle"', { deep: true }],
      ["far.eedle", { regex: true }],
      ["farneedle -upper", { deep: true }],
      ["=>", {}],
    ]);
    assert.deepEqual(
      found.map(({ total }) => total),
      [3, 3, 3, 2, 0],
    );
  });

  test("reads files whose directory has a line end in its name", async (t) => {
    const { search, directory } = open(t, { a: [{ text: "farneedle" }] });
    renameSync(directory, `${directory}\n--b--`);
    const found = await both(search, [["farneedle", { deep: true }]]);
    assert.equal(found[0]?.total, 1);
  });

  test("knows the model of an entry from lines without a match", async (t) => {
    const model = (id: string) => ({ more: { provider: "some", model: id } });
    const { search } = open(t, {
      a: [
        { role: "assistant", text: "hello", ...model("one") },
        { role: "toolResult", text: long("farneedle") },
        { role: "assistant", text: "hello again", ...model("two") },
        // What is no answer says nothing of the model.
        { role: "custom", text: '"provider"', ...model("three") },
        { role: "toolResult", text: long("farneedle") },
      ],
    });
    const found = await both(search, [
      ["farneedle", { deep: true, sort: "time" }],
      ["farneedle", { deep: true, model: "one" }],
      ["farneedle", { deep: true, model: "three" }],
    ]);
    assert.deepEqual(
      found.map(({ hits }) => hits.map(({ entryId, model }) => [entryId, model])),
      [
        [
          ["a1", "some/one"],
          ["a4", "some/two"],
        ],
        [["a1", "some/one"]],
        [],
      ],
    );
  });
});

test("--since and --until count whole seconds, in the index and in the files", async (t) => {
  const second = Math.floor(NOW / 1000) * 1000;
  const { ids } = open(t, { a: [{ text: "needle", age: (NOW - second - 700) / DAY }] });
  for (const deep of [false, true]) {
    const found = async (filters: { since?: number; until?: number }) =>
      (await ids("needle", { deep, ...filters })).length;
    assert.equal(await found({ since: second + 900 }), 1);
    assert.equal(await found({ until: second + 100 }), 1);
    assert.equal(await found({ since: second + 1_000 }), 0);
    assert.equal(await found({ until: second - 1 }), 0);
  }
});

test("copies are told of that lie where the caller looks, and of no others", async (t) => {
  const mine = open(t, { a: [{ text: "needle" }] });
  const theirs = join(mine.directory, "..", "..", "theirs");
  cpSync(join(mine.directory, "2026_a.jsonl"), join(mine.directory, "2026_copy.jsonl"));
  cpSync(mine.directory, theirs, { recursive: true });
  const both = [...mine.scope.roots, { path: theirs, nested: false }];
  const copies = async (roots = mine.scope.roots) => {
    const { hits } = await mine.search("needle", {}, roots);
    assert.equal(hits.length, 1);
    return hits[0]?.copies?.length;
  };
  assert.equal(await copies(), 1);
  assert.equal(await copies(both), 3);
  assert.equal(await copies(), 1);
});

test("an entry without an id is known by its place among whole lines, however it is found", async (t) => {
  const { search, show, directory } = open(t, {});
  const header = { type: "session", id: "old", timestamp: "2025-10-01T08:00:00.000Z", cwd: "/p" };
  const message = (text: string) =>
    JSON.stringify({
      type: "message",
      timestamp: "2025-10-01T08:00:01.000Z",
      message: { role: "user", content: text },
    });
  const broken = ["", "garbage", '{"type":"mess', JSON.stringify(header)];
  const lines = ["", JSON.stringify(header), message("one"), ...broken, message("needle"), message("two")];
  writeFileSync(join(directory, "old.jsonl"), lines.map((line) => `${line}\n`).join(""));
  for (const more of [{}, { deep: true }, { regex: true }]) {
    const { hits } = await search("needle", more);
    assert.deepEqual(
      hits.map(({ entryId }) => entryId),
      ["00000002"],
      JSON.stringify(more),
    );
  }
  const { entries } = await show("old", "00000002");
  assert.deepEqual(
    entries.filter(({ at }) => at).map(({ text }) => text),
    ["needle"],
  );
});

test("a regular expression that never ends is stopped, and the next search answered", async (t) => {
  const { scope, path } = open(t, { a: [{ text: `needle ${"a".repeat(40)}!` }] });
  // On the thread that it has in the daemon.
  const history = new History(path, SILENT);
  t.after(() => history.close());
  const search = (params: SearchParams) => history.ask("search", scope, { waitMs: 60_000, ...params });
  for (const query of LONG ? ["(a+)+$", "needle|(a+)+$"] : ["needle|(a+)+$"]) {
    await assert.rejects(
      search({ query, regex: true }),
      (error: PictlError) =>
        error.code === "INVALID_INPUT" && error.message.startsWith(`"${query}" takes too long`),
    );
  }
  assert.equal((await search({ query: "needle a+!", regex: true })).total, 1);
  assert.equal((await search({ query: "needle" })).total, 1);
});

test("an index in the making answers from what it has, and says so", async (t) => {
  const entries = Array.from({ length: 3_000 }, (_, i) => ({
    text: `needle ${i} ${"words and more ".repeat(100)}`,
  }));
  const { search } = open(t, { a: entries, b: entries.map((entry) => ({ ...entry, age: 1 })) });
  const early = await search("needle", { waitMs: 0 });
  assert.equal(early.index.complete, false);
  assert.ok((early.index.progress?.bytes.total ?? 0) > 5_000_000);
  const late = await search("needle");
  assert.deepEqual(late.index, { complete: true });
  assert.equal(late.total, 6_000);
  assert.ok(early.total < late.total);
});

test("a damaged index is made anew, wherever the damage shows", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "pictl-history-"));
  t.after(() => rmSync(root, { recursive: true }));
  const sessions = join(root, "sessions");
  mkdirSync(sessions);
  const header = { type: "session", version: 3, id: "a", timestamp: new Date(NOW).toISOString(), cwd: "/p" };
  const entries = Array.from({ length: 2_000 }, (_, i) => ({
    type: "message",
    id: `e${i}`,
    timestamp: new Date(NOW + i * 1_000).toISOString(),
    message: { role: "user", content: [{ type: "text", text: `needle${i} ${"hay ".repeat(20)}` }] },
  }));
  const lines = [header, ...entries].map((line) => `${JSON.stringify(line)}\n`).join("");
  writeFileSync(join(sessions, "a.jsonl"), lines);
  const scope = { roots: [{ path: sessions, nested: false }], exclude: [] };
  const path = join(root, "history.db");
  const findAll = async () => {
    const service = new HistoryService(path);
    try {
      const words = ["needle7", "needle1999", "hay"];
      const totals = [];
      for (const query of words)
        totals.push((await service.run("search", scope, { query, waitMs: 60_000 })).total);
      await service.run("status", scope, {});
      return totals;
    } finally {
      service.close();
    }
  };
  assert.deepEqual(await findAll(), [1, 1, 2_000]);
  for (const share of [0, 0.1, 0.3, 0.5, 0.7, 0.9]) {
    const bytes = readFileSync(path);
    // Whole pages, as a disk loses them.
    bytes.fill(0x55, Math.floor((bytes.length * share) / 4096) * 4096);
    writeFileSync(path, bytes);
    // What shows is mended with the first answer, or with the one that meets it.
    await findAll();
    rmSync(`${path}-wal`, { force: true });
    assert.deepEqual(await findAll(), [1, 1, 2_000], `damaged from ${share} on`);
  }
});
