import assert from "node:assert/strict";
import {
  existsSync,
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
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, type TestContext, test } from "node:test";
import { PictlError } from "../../../../src/lib/core/errors.ts";
import { isDamage, toIndexError } from "../../../../src/lib/history/index/database.ts";
import { HistoryIndex } from "../../../../src/lib/history/index/history-index.ts";
import { HistoryService } from "../../../../src/lib/history/service.ts";
import { Fold } from "../../../../src/lib/history/text/fold.ts";

const MIB = 1024 * 1024;
const START = Date.parse("2026-11-18T11:00:00.000Z");

type Json = Record<string, unknown>;

/** Session files and an index of them. */
class Place {
  readonly root = mkdtempSync(join(tmpdir(), "pictl-history-"));
  readonly sessions = join(this.root, "sessions", "--p--");
  readonly database = join(this.root, "data", "history.db");
  readonly scope = { roots: [{ path: join(this.root, "sessions"), nested: true }], exclude: [] as string[] };
  #service: HistoryService | undefined;

  constructor(t: TestContext) {
    mkdirSync(this.sessions, { recursive: true });
    t.after(() => {
      this.close();
      rmSync(this.root, { recursive: true });
    });
  }

  get service(): HistoryService {
    this.#service ??= new HistoryService(this.database);
    return this.#service;
  }

  /** The index stays as it is. */
  close(): void {
    this.#service?.close();
    this.#service = undefined;
  }

  path(id: string): string {
    return join(this.sessions, `2026_${id}.jsonl`);
  }

  /** @param age days since the file was written */
  write(
    id: string,
    entries: readonly Json[],
    { header = {}, age = 0 }: { header?: Json; age?: number } = {},
  ) {
    const first = {
      type: "session",
      version: 3,
      id,
      timestamp: new Date(START).toISOString(),
      cwd: `/${id}`,
    };
    const lines = [{ ...first, ...header }, ...entries].map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(this.path(id), lines.join(""));
    const time = Date.now() / 1000 - age * 86_400;
    utimesSync(this.path(id), time, time);
  }

  async ids(query: string): Promise<string[]> {
    const { hits } = await this.service.run("search", this.scope, { query, waitMs: 60_000, limit: 1_000 });
    return hits.map(({ entryId }) => entryId).sort();
  }

  /** All that can be read in the database's files. */
  stored(): string {
    this.close();
    return ["", "-wal"]
      .map((suffix) => `${this.database}${suffix}`)
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, "latin1"))
      .join("");
  }
}

function user(id: string, text: string, more: Json = {}): Json {
  return entry(id, { role: "user", content: [{ type: "text", text }] }, more);
}

function entry(id: string, message: Json, more: Json = {}): Json {
  return { type: "message", id, parentId: null, timestamp: new Date(START).toISOString(), message, ...more };
}

function answer(id: string, text: string, cost: number): Json {
  const content = text === "" ? [] : [{ type: "text", text }];
  const usage = { input: 10, output: 5, cacheRead: 0, cacheWrite: 0, cost: { total: cost } };
  return entry(id, { role: "assistant", content, provider: "p", model: "m", usage });
}

describe("the history's index", () => {
  let place: Place;
  beforeEach((t) => {
    place = new Place(t as TestContext);
  });

  test("reads a large file anew when it was replaced, whatever stands in the same places", async () => {
    const entries = Array.from({ length: 2_000 }, (_, i) =>
      user(`e${i}`, `${i === 1_111 ? "needle" : "haybal"} ${"grass ".repeat(800)}`),
    );
    place.write("a", entries);
    assert.ok(readFileSync(place.path("a")).length > 8 * MIB, "small files are compared as a whole");
    assert.deepEqual(await place.ids("needle"), ["e1111"]);
    const text = readFileSync(place.path("a"), "utf8").replace("needle", "pinpin");
    writeFileSync(`${place.path("a")}.new`, text);
    renameSync(`${place.path("a")}.new`, place.path("a"));
    assert.deepEqual([await place.ids("needle"), await place.ids("pinpin")], [[], ["e1111"]]);
    // In its own place, as some editors write.
    writeFileSync(place.path("a"), text.replace("pinpin", "rabbit"));
    assert.deepEqual([await place.ids("pinpin"), await place.ids("rabbit")], [[], ["e1111"]]);
  });

  test("has forgotten nothing of what is in it when the disk was full", async (t) => {
    place.write(
      "a",
      Array.from({ length: 3_000 }, (_, i) => user(`e${i}`, `lorem ${i} ${"x".repeat(i % 90)}`)),
    );
    const index = new HistoryIndex(place.database.replace("data/", ""), new Fold());
    t.after(() => index.close());
    const pages = (count: number) => index.db.sql(`PRAGMA max_page_count = ${count}`).all();
    const takeIn = async () => {
      index.refresh(place.scope.roots, () => undefined);
      await index.settle(60_000);
    };
    pages(40);
    await assert.rejects(takeIn, (error) => {
      const told = toIndexError(error, "history.db");
      return told instanceof PictlError && told.code === "STORAGE_UNAVAILABLE" && !isDamage(error);
    });
    pages(1_000_000);
    await takeIn();
    const found = index.db.sql("SELECT count(*) AS n FROM words WHERE words MATCH 'lorem'").get();
    assert.deepEqual({ ...found }, { n: 3_000 });
    assert.equal([...index.columns.ids()].length, 3_000);
  });

  test("books what a fork has in common with its origin on the origin, though the fork is newer", async () => {
    const common = [user("u1", "one"), answer("a1", "uno", 1), user("u2", "two"), answer("a2", "due", 2)];
    place.write("origin", common, { age: 3 });
    place.write("fork", [...common, user("u3", "three"), answer("a3", "tre", 4)], {
      header: { parentSession: place.path("origin") },
    });
    const { sessions } = await place.service.run("list", place.scope, {});
    const costs = Object.fromEntries(sessions.map(({ sessionId, cost }) => [sessionId, cost]));
    assert.deepEqual(costs, { origin: 3, fork: 4 });
  });

  test("counts once what an entry without text cost, also where it was copied", async () => {
    const common = [
      user("u1", "one"),
      answer("a1", "", 1),
      { type: "usage", id: "x1", usage: {}, timestamp: "" },
    ];
    place.write("origin", common, { age: 1 });
    place.write("clone", [...common, user("u2", "two"), answer("a2", "due", 4)], {
      header: { parentSession: place.path("origin") },
    });
    const { rows } = await place.service.run("stats", place.scope, { by: "model" });
    assert.equal(
      rows.reduce((sum, { cost }) => sum + cost, 0),
      5,
    );
    // What is left of it is counted where it still stands.
    rmSync(place.path("origin"));
    const after = await place.service.run("stats", place.scope, { by: "model" });
    assert.equal(
      after.rows.reduce((sum, { cost }) => sum + cost, 0),
      5,
    );
  });

  test("books what an extension asked a model on that model", async () => {
    const usage = { input: 700, output: 300, cacheRead: 0, cacheWrite: 0, cost: { total: 3 } };
    const asked = {
      type: "usage",
      id: "x1",
      timestamp: new Date(START).toISOString(),
      provider: "other",
      model: "cheap",
    };
    place.write("a", [user("u1", "one"), answer("a1", "uno", 1), { ...asked, usage }]);
    const { rows } = await place.service.run("stats", place.scope, { by: "model" });
    assert.deepEqual(rows.map(({ name, cost }) => [name, cost]).sort(), [
      ["other/cheap", 3],
      ["p/m", 1],
    ]);
  });

  test("shows no half of a credential where a text was cut", async () => {
    const secret = "postgres://admin:Tr0ub4dorXyz-and-more@db.example.com/x";
    for (const shift of [0, 5, 12, 20, 30]) {
      place.write(`first${shift}`, [user("u", `${"word ".repeat(35)}${"y".repeat(shift)} ${secret} end`)]);
      const output = `${"line of output ".repeat(131)}${"y".repeat(shift)} ${secret} end`;
      const content = [{ type: "text", text: output }];
      place.write(`tool${shift}`, [
        entry("t", { role: "toolResult", toolName: "bash", toolCallId: "c", content }),
      ]);
    }
    const { sessions } = await place.service.run("list", place.scope, {});
    const { hits } = await place.service.run("search", place.scope, {
      query: "line",
      fullText: true,
      waitMs: 60_000,
    });
    assert.equal(hits.length, 5);
    const shown = JSON.stringify([sessions, hits]);
    assert.ok(shown.includes("word word") && shown.includes("line of output"));
    assert.ok(!shown.includes("Tr0ub4dor"), shown);
  });

  test("keeps no word of a session that was forgotten or left out", async () => {
    const words = (name: string) => [
      user("u", `hushword${name} was the first thing`),
      {
        type: "session_info",
        id: "n",
        parentId: "u",
        timestamp: new Date(START).toISOString(),
        name: `quiet${name}`,
      },
    ];
    for (const name of ["kept", "gone", "excluded"]) place.write(name, words(name));
    assert.equal((await place.ids("hush*")).length, 3);
    await place.service.run("forget", place.scope, { session: "gone" });
    const excluding = { ...place.scope, exclude: ["excluded"] };
    await place.service.run("list", excluding, {});
    const stored = place.stored();
    for (const gone of ["hushwordgone", "quietgone", "hushwordexcluded", "quietexcluded"])
      assert.ok(!stored.includes(gone), gone);
    assert.ok(stored.includes("hushwordkept"));
    await place.service.run("forget", place.scope, { session: "gone", undo: true });
    assert.equal((await place.ids("hush*")).length, 3);
  });

  for (const [what, spoil] of Object.entries({
    "the state of a file isn't JSON": "UPDATE files SET state = '{broken'",
    "a table is missing": "DROP TABLE tallies",
    "its tables are another program's": "DROP TABLE docs; CREATE TABLE docs (x)",
  })) {
    test(`is made anew where ${what}`, async () => {
      place.write("a", [user("u1", "needle"), answer("a1", "uno", 1)]);
      assert.deepEqual(await place.ids("needle"), ["u1"]);
      place.close();
      const database = new DatabaseSync(place.database);
      database.exec(spoil);
      database.close();
      assert.deepEqual(await place.ids("needle"), ["u1"]);
      const { rows } = await place.service.run("stats", place.scope, { by: "model" });
      assert.equal(rows.length, 1);
    });
  }

  test("says what is in its place, and what is wrong with the list of what was forgotten", () => {
    mkdirSync(place.database, { recursive: true });
    assert.throws(() => place.service, {
      code: "STORAGE_UNAVAILABLE",
      message: /a directory is in its place/,
    });
    rmSync(place.database, { recursive: true });
    writeFileSync(join(place.root, "data", "history-forgotten.json"), "");
    assert.throws(() => place.service, {
      code: "STORAGE_UNAVAILABLE",
      message: /list of forgotten sessions/,
    });
  });
});
