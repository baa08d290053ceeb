import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Registry, type SessionRecord } from "../../../../src/lib/session/registry.ts";

const MODULE = new URL("../../../../src/lib/session/registry.ts", import.meta.url).href;

/** Writes rows for ever and says the number of each one that `put` has returned from. */
const WRITER = `
  const { writeSync } = await import("node:fs");
  const { Registry } = await import(${JSON.stringify(MODULE)});
  const registry = new Registry(process.argv[1]);
  for (let i = 1; ; i++) {
    registry.put({ ...JSON.parse(process.argv[2]), id: "s" + i, usedAt: i });
    registry.setCurrent("/pi", "/w", "s" + i);
    writeSync(1, i + "\\n");
  }
`;

function record(id: string, fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id,
    cwd: "/w",
    agentDir: "/pi",
    options: { model: "a/b" },
    origin: "pictl",
    createdAt: 1,
    usedAt: 2,
    closed: false,
    ...fields,
  };
}

describe("Registry", () => {
  let dir: string;
  let path: string;
  let open: Registry[];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-registry-"));
    path = join(dir, "registry.db");
    open = [];
  });

  afterEach(() => {
    for (const registry of open) registry.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function openRegistry(): Registry {
    const registry = new Registry(path);
    open.push(registry);
    return registry;
  }

  test("keeps records, replaces them by id, and another opening sees them", () => {
    const registry = openRegistry();
    registry.put(record("a", { name: "first", openTurn: "t1" }));
    registry.put(record("b"));
    registry.put(record("a", { name: "zweiter\u2028 'name'; --" }));
    const rows = openRegistry()
      .all()
      .sort((x, y) => x.id.localeCompare(y.id));
    assert.deepEqual(rows, [record("a", { name: "zweiter\u2028 'name'; --" }), record("b")]);
  });

  test("a directory's current session belongs to one pi directory, and goes with its session", () => {
    const registry = openRegistry();
    registry.put(record("a"));
    registry.setCurrent("/pi", "/w", "a");
    registry.setCurrent("/other", "/w", "b");
    assert.equal(registry.getCurrent("/pi", "/w"), "a");
    assert.equal(registry.getCurrent("/pi", "/w/sub"), undefined);
    registry.delete("a");
    assert.equal(registry.getCurrent("/pi", "/w"), undefined);
    assert.equal(registry.getCurrent("/other", "/w"), "b");
    assert.deepEqual(registry.all(), []);
  });

  test("remembers values by key and by prefix", () => {
    const registry = openRegistry();
    registry.putCache([
      ["pi:/a", "1.0.0"],
      ["file:/x", { n: 1 }],
      ["file:/y\u{10000}", { n: 2 }],
      ["filf", 3],
    ]);
    assert.equal(registry.getCache("pi:/a"), "1.0.0");
    assert.equal(registry.getCache("pi:/b"), undefined);
    assert.deepEqual(
      [...registry.cacheWithPrefix("file:")],
      [
        ["/x", { n: 1 }],
        ["/y\u{10000}", { n: 2 }],
      ],
    );
  });

  test("a value that can't be written leaves none of its batch and doesn't block the next one", () => {
    const registry = openRegistry();
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    assert.throws(
      () =>
        registry.putCache([
          ["k1", 1],
          ["k2", cyclic],
        ]),
      TypeError,
    );
    assert.equal(registry.getCache("k1"), undefined);
    registry.putCache([["k3", 3]]);
    assert.equal(registry.getCache("k3"), 3);
  });

  test("every row that was acknowledged is there after kill -9 of its writer", async () => {
    const child = spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        "--input-type=module",
        "-e",
        WRITER,
        path,
        JSON.stringify(record("x")),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
      if (said.split("\n").length > 200) child.kill("SIGKILL");
    });
    const [, signal] = await once(child, "close");
    assert.equal(signal, "SIGKILL");
    const acknowledged = said.split("\n").slice(0, -1).map(Number);
    const last = acknowledged.at(-1) ?? 0;
    const registry = openRegistry();
    const ids = new Set(registry.all().map((row) => row.id));
    for (const number of acknowledged) assert.ok(ids.has(`s${number}`), `row ${number} is gone`);
    assert.ok(ids.size <= last + 1, "a row that was never written");
    assert.match(registry.getCurrent("/pi", "/w") ?? "", new RegExp(`^s(${last}|${last + 1})$`));
  });

  test("a damaged file is named, with what to do, and left as it is", () => {
    const garbage = "not a database, and long enough to be taken for one. ".repeat(100);
    writeFileSync(path, garbage);
    assert.throws(() => new Registry(path), {
      code: "DAEMON_START_FAILED",
      message: /registry\.db is damaged/,
      hint: /Move it away/,
    });
    assert.equal(readFileSync(path, "utf8"), garbage);
  });

  test("a directory in its place is told as that, not as a full disk", () => {
    mkdirSync(path);
    assert.throws(() => new Registry(path), { code: "DAEMON_START_FAILED", message: /no regular file/ });
  });

  /** Files as earlier builds made them, with one session each. */
  const EARLIER = {
    "0, without tables": "",
    "1": "PRAGMA user_version = 1",
    "1, with sandboxed places":
      "CREATE TABLE sandboxed (path TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID; " +
      "INSERT INTO sandboxed VALUES ('/w', 'strict'); PRAGMA user_version = 1",
    "2": "CREATE TABLE sandboxed (path TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID; PRAGMA user_version = 2",
    "0, but with tables": "PRAGMA user_version = 0",
  };
  for (const [schema, sql] of Object.entries(EARLIER)) {
    test(`schema ${schema} is brought forward with all its rows`, () => {
      const kept = sql === "" ? [] : [record("a", { options: { tools: "read" } })];
      const db = new DatabaseSync(path);
      if (sql !== "") {
        db.exec(`
          CREATE TABLE sessions (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
          CREATE TABLE current (place TEXT PRIMARY KEY, session_id TEXT NOT NULL) WITHOUT ROWID;
          CREATE TABLE cache (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`);
        db.exec(sql);
        db.prepare("INSERT INTO sessions VALUES ('a', ?)").run(JSON.stringify(kept[0]));
      }
      db.close();
      const registry = openRegistry();
      assert.deepEqual(registry.all(), kept);
      registry.putSandboxedPlaces(["/x"], "strict");
      assert.equal(registry.sandboxedPlaces().has("/w"), sql.includes("INSERT"));
      const { user_version } = new DatabaseSync(path).prepare("PRAGMA user_version").get() ?? {};
      assert.equal(user_version, 2);
    });
  }

  test("a newer schema is refused by file and number, and left as it is", () => {
    openRegistry().put(record("a"));
    for (const registry of open.splice(0)) registry.close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 99");
    db.close();
    const before = readFileSync(path);
    assert.throws(() => new Registry(path), {
      code: "DAEMON_START_FAILED",
      exitCode: 9,
      message: /registry\.db has schema 99.*up to 2/,
    });
    assert.deepEqual(readFileSync(path), before);
  });

  test("a row or a table that can't be read is damage, not a bug", () => {
    openRegistry().put(record("a"));
    const db = new DatabaseSync(path);
    db.exec("UPDATE sessions SET record = '{'");
    assert.throws(() => openRegistry().all(), { code: "DAEMON_START_FAILED", message: /damaged/ });
    db.exec("DROP TABLE sessions");
    db.close();
    assert.throws(() => openRegistry(), { code: "DAEMON_START_FAILED", message: /damaged/ });
  });

  test("a place that can't be written is a storage error", () => {
    writeFileSync(join(dir, "file"), "");
    assert.throws(() => new Registry(join(dir, "file", "registry.db")), {
      code: "STORAGE_UNAVAILABLE",
      exitCode: 1,
    });
  });

  test("a file system that has become read-only refuses a row, and what is there can be read", () => {
    openRegistry().put(record("a"));
    const readOnly = new Registry(`${pathToFileURL(path).href}?mode=ro`);
    open.push(readOnly);
    assert.throws(() => readOnly.put(record("b")), { code: "STORAGE_UNAVAILABLE", message: /read-only/ });
    assert.throws(() => readOnly.putCache([["k", 1]]), { code: "STORAGE_UNAVAILABLE" });
    assert.deepEqual(
      readOnly.all().map((row) => row.id),
      ["a"],
    );
  });
});
