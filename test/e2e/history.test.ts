import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { stopDaemon } from "../../src/lib/client/stop-daemon.ts";
import type { HistorySearchResult, HistoryStatusResult } from "../../src/lib/protocol/history.ts";
import { writeSession } from "../support/session-file.ts";
import { LONG } from "../support/speed.ts";
import { Terminal, withoutTmux } from "../support/terminal.ts";
import { Workspace } from "../support/workspace.ts";

const KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123";

describe("pictl history", () => {
  let place: Workspace;
  let other: string;
  before(async () => {
    place = new Workspace();
    other = join(place.root, "other-project");
    mkdirSync(other);
    await place.ok([
      "prompt",
      "--model",
      "scripted/echo",
      "--name",
      "quinces",
      "prune the appletree at src/apple_tree.ts(",
    ]);
    await place.ok(["prompt", "and the peartree; the key is", KEY]);
    writeSession({ cwd: other, agentDir: place.agentDir }, ["the appletree of the others"]);
  });
  after(() => place.dispose());

  const search = (args: string[], cwd?: string) =>
    place.json<HistorySearchResult>(["history", "search", ...args], cwd === undefined ? {} : { cwd });
  /** The same without a command, where that isn't what the test is about. */
  const find = (query: string, options: { role?: "user"; cwd?: string } = {}) =>
    place.ask("search_history", { cwd: place.cwd, query, ...options });
  const status = () => place.ask("get_history_status", { cwd: place.cwd });
  /** What is found of the other project, asked for in all of them without a command. */
  const others = () => place.ask("search_history", { cwd: place.cwd, scope: "all", query: "others" });

  it("finds what pi has written, and leads back into the session", async () => {
    const result = await search(["appletree", "--role", "user"]);
    assert.equal(result.total, 1);
    const [hit] = result.hits;
    assert.ok(hit);
    assert.equal(hit.sessionName, "quinces");
    assert.equal(hit.branch, "active");
    assert.equal(hit.snippet.text.slice(...(hit.snippet.highlights[0] ?? [0, 0])), "appletree");
    const forked = await place.json(["session", "fork", hit.sessionId, "--at", hit.forkAt ?? ""]);
    assert.equal(forked.text, "prune the appletree at src/apple_tree.ts(");
    const text = await place.ok(["history", "search", "appletree", "--role", "user"]);
    assert.ok(text.includes(`pictl prompt -s ${hit.sessionId}`), text);
    assert.ok(text.includes(`pictl session fork ${hit.sessionId} --at ${hit.forkAt}`), text);
    assert.match(text, /1 hit in 1 session, [\d.]+ ms/);
  });

  it("takes code and exclusions as they are typed, without quotes", async () => {
    assert.equal((await search(["src/apple_tree.ts(", "--role", "user"])).total, 1);
    assert.equal((await search(["src/apple.tree.ts("])).total, 0);
    assert.equal((await search(["appletree", "-prune", "--role", "user"])).total, 0);
    assert.equal((await search(["peartree", "-prune", "--role", "user"])).total, 1);
    assert.equal((await search(["plumtree", "OR", "peart*", "--role", "user"])).total, 1);
  });

  it("takes what looks like a flag for a word, unless it is one, or nearly", async () => {
    for (const command of ["search", "export"]) {
      const unknown = await place.run(["history", command, "--force", "appletree"]);
      assert.deepEqual(
        [unknown.code, unknown.stderr.split(" in ")[0]],
        [4, "Nothing found for --force appletree"],
      );
      const near = await place.run(["history", command, "appletree", "--rolle", "user"]);
      assert.deepEqual([near.code, near.stdout], [2, ""]);
      assert.match(near.stderr, /Nonexistent flag: --rolle [\s\S]*Did you mean "--role"\? .*-- --rolle/);
      const behind = await place.run(["history", command, "appletree", "--", "--rolle"]);
      assert.equal(behind.code, 4);
    }
    for (const wrong of [
      ["--limit", "-1"],
      ["--tool", "-x"],
      ["--role", "-x"],
    ]) {
      const { code, stderr } = await place.run(["history", "search", "appletree", ...wrong]);
      assert.equal(code, wrong[0] === "--tool" ? 4 : 2, stderr);
      assert.ok(!stderr.includes("\u0001") && !stderr.includes("^A"), stderr);
    }
  });

  it("takes in a new turn before it answers", async () => {
    await place.turn({ cwd: place.cwd, sessionId: "quinces", message: "now the medlartree" });
    assert.equal((await find("medlartree", { role: "user" })).total, 1);
  });

  it("never shows another project's sessions unless asked", async () => {
    const here = await search(["appletree", "--role", "user"]);
    assert.deepEqual([...new Set(here.hits.map(({ cwd }) => cwd))], [place.cwd]);
    const there = await search(["appletree", "--role", "user"], other);
    assert.deepEqual([...new Set(there.hits.map(({ cwd }) => cwd))], [other]);
    assert.equal((await find("peartree", { cwd: other })).total, 0);
    assert.equal((await search(["appletree", "--all", "--role", "user"])).sessions, 2);
    assert.equal((await search(["appletree", "--project", "other-project", "--role", "user"])).total, 1);
    assert.equal((await search(["appletree", "--cwd", other, "--role", "user"])).total, 1);
    // A repository is one project, and what is a repository in it another one.
    const inner = join(place.root, "repository", "packages", "inner");
    mkdirSync(join(inner, ".git"), { recursive: true });
    mkdirSync(join(place.root, "repository", ".git"));
    const below = join(place.root, "repository", "packages");
    for (const cwd of [inner, below]) writeSession({ cwd, agentDir: place.agentDir }, ["the cherrytree"]);
    const outer = await find("cherrytree", { role: "user", cwd: join(place.root, "repository") });
    assert.deepEqual(
      outer.hits.map(({ cwd }) => cwd),
      [below],
    );
    for (const what of ["list", "stats"]) {
      const shown = await place.ok(["history", what, "--json"], { cwd: other });
      assert.ok(!shown.includes(place.cwd), `${what}: ${shown}`);
    }
  });

  it("exits with 4 when nothing is found, says where it looked and what is near; 2 for wrong usage", async () => {
    const nothing = await place.run(["history", "search", "apletree"]);
    assert.equal(nothing.code, 4);
    assert.equal(nothing.stdout, "");
    assert.match(
      nothing.stderr,
      /Nothing found for apletree in \d+ entries of \d+ sessions? of this project, \d{4}-\d\d-\d\d to/,
    );
    assert.match(nothing.stderr, /Did you mean "appletree"/);
    const excluded = await place.run(["history", "search", "appletre*", "-appletree"]);
    assert.deepEqual([excluded.code, excluded.stderr.includes("Did you mean")], [4, false]);
    assert.equal((await place.run(["history", "search"])).code, 2);
    assert.equal((await place.run(["history", "search", '""'])).code, 2);
    assert.equal((await place.run(["history", "search", ..."abcdefgh".repeat(9)])).code, 2);
    assert.equal((await place.run(["history", "search", "x", "--since", "someday"])).code, 2);
    assert.equal((await place.run(["history", "search", "(", "--regex"])).code, 2);
    assert.equal((await place.run(["history", "show", "nobody"])).code, 4);
    for (const [args, where, wider] of [
      [["--all"], /sessions of all projects, .*\n--include-thinking looks/, false],
      [["--project", "other-project"], /of \d+ sessions? of the project other-project, /, true],
      [["--cwd", other], /of \d+ sessions? that began in .*other-project, /, true],
      [["-s", "quinces"], /entries of the session quinces, /, false],
    ] as const) {
      const { stderr } = await place.run(["history", "search", "cedartree", ...args]);
      assert.match(stderr, where);
      assert.equal(stderr.includes("--all looks"), wider, stderr);
    }
  });

  it("counts without showing, and says itself which numbers it takes", async () => {
    const counted = await place.run(["history", "search", "appletree", "--limit", "0"]);
    assert.deepEqual([counted.code, counted.stderr], [0, ""]);
    assert.match(counted.stdout, /^0 of \d+ hits in \d+ sessions?, /);
    const none = await place.run(["history", "list", "--project", "nowhere"]);
    assert.equal(none.stderr, "No sessions of the project nowhere. --all lists those of every one.\n");
    for (const [args, range] of [
      [["search", "x", "--limit", "1000000"], "--limit takes a whole number from 0 to 100000"],
      [["search", "x", "-C", "101"], "--context takes a whole number from 0 to 100,"],
      [["list", "--limit", "1000000"], "--limit takes a whole number from 0 to 100000"],
      [["show", "quinces", "-C", "1000000"], "--context takes a whole number from 0 to 100000"],
      [["search", "x", "--tool", ""], "--tool is empty"],
      [["list", "--project", ""], "--project is empty"],
    ] as const) {
      const { code, stderr } = await place.run(["history", ...args]);
      assert.equal(code, 2);
      assert.ok(stderr.includes(range), stderr);
    }
  });

  it("knows a project by its directory, however that is written", async () => {
    const named = [other, "../work/../other-project/"];
    const more = [`${other}/`, "../other-project", "other-project/"];
    for (const project of [...named, ...(LONG ? more : [])]) {
      const { hits } = await search(["appletree", "--project", project, "--role", "user"]);
      assert.deepEqual(
        hits.map(({ cwd }) => cwd),
        [other],
        project,
      );
    }
    const relative = ["other-project/", join("..", basename(place.root), "other-project")];
    for (const project of [...relative, ...(LONG ? ["other-project", "./other-project"] : [])])
      assert.equal(
        (await search(["appletree", "--project", project, "--role", "user"], place.root)).total,
        1,
        project,
      );
  });

  it("masks what looks like a credential unless told otherwise", async () => {
    const masked = await place.ok(["history", "search", "peartree"]);
    assert.ok(!masked.includes(KEY), masked);
    assert.match(masked, /\[redacted\]/);
    for (const args of [
      ["search", "peartree"],
      ["export", "peartree"],
      ["show", "quinces"],
      ["list"],
      ["search", "--deep", "peartree"],
    ]) {
      assert.ok(!(await place.ok(["history", ...args, "--json"])).includes(KEY), args.join(" "));
    }
    assert.ok((await place.ok(["history", "search", "peartree", "--show-secrets"])).includes(KEY));
  });

  it("filters by time, and prints paths", async () => {
    assert.equal((await search(["appletree", "--since", "1h", "--role", "user"])).total, 1);
    assert.equal((await search(["appletree", "--until", "2020-01-01"])).total, 0);
    const [path = ""] = (await place.ok(["history", "search", "appletree", "--format", "paths"])).split("\n");
    assert.ok(existsSync(path), path);
    const cwd = join(place.root, "many");
    mkdirSync(cwd);
    const files = Array.from({ length: 30 }, (_, i) => join(path, "..", "..", "--many--", `${i}.jsonl`));
    mkdirSync(join(path, "..", "..", "--many--"));
    for (const [i, file] of files.entries()) {
      const timestamp = new Date(Date.UTC(2026, 0, 1, 0, i)).toISOString();
      // The newest has more hits than are fetched at once.
      const count = i === files.length - 1 ? 2_100 : 1;
      const lines = [
        { type: "session", version: 3, id: `many${i}`, timestamp, cwd },
        ...Array.from({ length: count }, (_, n) => {
          const message = { role: "user", content: `the ${i}. plumtree, ${n}` };
          return { type: "message", id: `m${i}-${n}`, parentId: null, timestamp, message };
        }),
      ];
      writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    }
    const paths = async (...more: string[]) =>
      (await place.ok(["history", "search", "plumtree", "--format", "paths", ...more], { cwd })).split("\n");
    assert.deepEqual((await paths()).sort(), files.sort());
    assert.deepEqual(await paths("--limit", "7"), [files.findLast((file) => file.endsWith("29.jsonl"))]);
  });

  it("lists, shows, adds up and exports", async () => {
    const { sessions } = await place.json<{ sessions: { sessionName?: string; turns: number }[] }>([
      "history",
      "list",
    ]);
    assert.ok(sessions.some(({ sessionName, turns }) => sessionName === "quinces" && turns === 3));
    const [hit] = (await find("medlartree", { role: "user" })).hits;
    const around = await place.ok(["history", "show", "quinces", "--at", hit?.entryId ?? "", "-C", "1"]);
    assert.match(around, /medlartree/);
    const alone = await place.ok(["history", "show", "quinces", "--at", hit?.entryId ?? "", "-C", "0"]);
    assert.equal(alone.match(/^(▶ )?(user|assistant) · /gm)?.length, 1, alone);
    assert.doesNotMatch(around, /^ {2}prune the appletree/m);
    const { rows } = await place.json<{ rows: { name: string; turns: number }[] }>([
      "history",
      "stats",
      "--cwd",
      place.cwd,
    ]);
    assert.deepEqual(
      rows.map(({ name, turns }) => [name, turns]),
      [["scripted/echo", 3]],
    );
    const partly = await place.run(["history", "stats", "--by", "day", "--model", "ECHO", "--since", "1h"]);
    assert.match(partly.stdout, /^\d{4}-\d\d-\d\d +\d/m);
    assert.match(partly.stderr, /^Counted in whole days of UTC, from \d{4}-\d\d-\d\d\.$/m);
    const byTool = await place.run(["history", "stats", "--by", "tool", "--model", "echo"]);
    assert.deepEqual([byTool.code, byTool.stdout], [2, ""]);
    const lines = (await place.ok(["history", "export", "appletree"]))
      .split("\n")
      .map((line) => JSON.parse(line) as { text: string });
    assert.ok(lines.every(({ text }) => text.includes("appletree")));
    assert.match(await place.ok(["history", "export", "appletree", "-f", "md"]), /^## (user|assistant)/m);
    const none = await place.run(["history", "export", "cedartree"]);
    assert.deepEqual([none.code, none.stdout], [4, ""]);
    assert.match(none.stderr, /^Nothing found for cedartree in \d+ entries of \d+ sessions? of this project/);
  });

  it("leaves out a project that says so, at once and only so long as it says so", async () => {
    const config = join(other, ".pictl", "config.toml");
    mkdirSync(join(other, ".pictl"));
    writeFileSync(config, "history = false\n");
    assert.equal((await others()).total, 0);
    assert.equal((await status()).leftOut.byWorkspace, 1);
    // One that can't be read may have said no.
    writeFileSync(config, "history = \n");
    assert.equal((await others()).total, 0);
    rmSync(config);
    execFileSync("mkfifo", [config]);
    assert.equal((await others()).total, 0, "a pipe isn't waited for");
    rmSync(config);
    assert.ok((await others()).total > 0);
    await place.ok(["config", "set", "history.exclude", other]);
    assert.equal((await others()).total, 0);
    await place.ok(["config", "set", "history.exclude", "other-project", "elsewhere"]);
    assert.equal((await others()).total, 0);
    await place.ok(["config", "unset", "history.exclude"]);
    assert.ok((await others()).total > 0);
  });

  it("forgets a session for good, and leaves pi's file alone", async () => {
    const [hit] = (await others()).hits;
    assert.ok(hit);
    const forgot = await place.run(["history", "forget", hit.sessionId]);
    assert.match(forgot.stderr, /pi's file is still there/);
    assert.ok(existsSync(hit.file));
    assert.equal((await others()).total, 0);
    await place.ok(["history", "reindex"]);
    assert.equal((await others()).total, 0);
    await place.ok(["history", "forget", hit.sessionId, "--undo"]);
    assert.ok((await others()).total > 0);
    const link = join(place.root, "link-to-others");
    symlinkSync(other, link);
    await place.ok(["history", "forget", "--project", link]);
    assert.equal((await others()).total, 0);
    await place.ok(["history", "forget", "--project", link, "--undo"]);
    assert.ok((await others()).total > 0);
    const typo = await place.run(["history", "forget", "--project", "typo"]);
    assert.deepEqual([typo.code, typo.stdout], [4, ""]);
    assert.match(typo.stderr, /no session of a project "typo"/);
  });

  it("has the sessions of a project's own directory in each of its commands", async () => {
    const cwd = join(place.root, "own-directory");
    mkdirSync(join(cwd, ".pi"), { recursive: true });
    mkdirSync(join(cwd, "kept"));
    writeFileSync(join(cwd, ".pi", "settings.json"), '{"sessionDir": "kept"}');
    const timestamp = new Date().toISOString();
    const message = { role: "user", content: "the hazeltree" };
    const lines = [
      { type: "session", version: 3, id: "hazel", timestamp, cwd },
      { type: "message", id: "h1", parentId: null, timestamp, message },
    ];
    writeFileSync(
      join(cwd, "kept", "hazel.jsonl"),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
    assert.equal((await search(["hazeltree"], cwd)).total, 1);
    assert.match(await place.ok(["history", "show", "hazel"], { cwd }), /the hazeltree/);
    const { sessions } = await status();
    const here = await place.json<HistoryStatusResult>(["history", "status"], { cwd });
    assert.equal(here.sessions, sessions + 1);
    await place.ok(["history", "reindex", "hazel"], { cwd });
    await place.ok(["history", "forget", "hazel"], { cwd });
    assert.equal((await find("hazeltree", { cwd })).total, 0);
    await place.ok(["history", "forget", "hazel", "--undo"], { cwd });
    assert.equal((await find("hazeltree", { cwd })).total, 1);
  });

  it("leads back with pi where only the history looks", async () => {
    const elsewhere = join(place.root, "old backups");
    mkdirSync(elsewhere);
    const timestamp = new Date().toISOString();
    const lines = [
      { type: "session", version: 3, id: "elm", timestamp, cwd: place.cwd },
      {
        ...{ type: "message", id: "e1", parentId: null, timestamp },
        message: { role: "user", content: "the elmtree" },
      },
    ];
    const file = join(elsewhere, "2026_elm.jsonl");
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    await place.ok(["config", "set", "history.directories", elsewhere]);
    const found = await place.ok(["history", "search", "elmtree"]);
    assert.ok(found.includes(`continue: pi --session '${file}'`), found);
    assert.ok(!found.includes("fork:"), found);
    assert.equal((await find("elmtree")).hits[0]?.outside, true);
    assert.equal((await find("appletree")).hits[0]?.outside, undefined);
    await place.ok(["config", "unset", "history.directories"]);
  });

  it("makes a damaged, other or missing index anew, for the user alone", async () => {
    const { database } = await status();
    assert.equal(statSync(database.path).mode & 0o777, 0o600);
    const damage: Record<string, () => void> = {
      garbage: () => writeFileSync(database.path, "no database at all ".repeat(1_000)),
      torn: () => {
        const bytes = readFileSync(database.path);
        bytes.fill(0x55, 4096);
        writeFileSync(database.path, bytes);
      },
    };
    for (const [name, harm] of Object.entries(damage)) {
      await stopDaemon({ now: true }, place.env);
      for (const suffix of ["-wal", "-shm"]) rmSync(`${database.path}${suffix}`, { force: true });
      harm();
      assert.ok((await search(["appletree", "--role", "user"])).total > 0, name);
      assert.equal(statSync(database.path).mode & 0o777, 0o600, name);
    }
    const version = (set = "") => {
      const db = new DatabaseSync(database.path);
      try {
        db.exec(`PRAGMA user_version${set}`);
        return db.prepare("PRAGMA user_version").get()?.user_version;
      } finally {
        db.close();
      }
    };
    const own = version();
    await stopDaemon({ now: true }, place.env);
    version(" = 99");
    assert.ok((await search(["appletree", "--role", "user"])).total > 0);
    assert.equal(version(), own);
    // Under a daemon that has it open.
    rmSync(database.path);
    assert.ok((await find("appletree", { role: "user" })).total > 0);
    assert.ok(existsSync(database.path));
  });

  it("counts what it can't read, and goes on", async () => {
    const [{ file } = { file: "" }] = (await find("appletree")).hits;
    const broken = join(file, "..", "2026-01-01T00-00-00-000Z_broken.jsonl");
    const header = {
      type: "session",
      version: 3,
      id: "broken",
      timestamp: "2026-01-01T00:00:00.000Z",
      cwd: place.cwd,
    };
    writeFileSync(broken, `${JSON.stringify(header)}\nnot json\n\u0000\n{"type":"half`);
    writeFileSync(join(file, "..", "notes.jsonl"), '{"not":"pi"}\n');
    const { problems } = await status();
    assert.deepEqual(problems.brokenLines, [{ file: broken, lines: 2 }]);
    assert.deepEqual(
      problems.foreign.map((path) => path.split("/").at(-1)),
      ["notes.jsonl"],
    );
    assert.ok((await find("appletree")).total > 0);
  });

  it("exports everything, each entry once, though one is gone since it was indexed", async () => {
    const [{ file } = { file: "" }] = (await find("appletree")).hits;
    const path = join(file, "..", "2026-01-01T00-00-00-000Z_many.jsonl");
    const header = {
      type: "session",
      version: 3,
      id: "many",
      timestamp: "2026-01-01T00:00:00.000Z",
      cwd: place.cwd,
    };
    const entries = Array.from({ length: 450 }, (_, i) => ({
      type: "message",
      id: `many${i}`,
      parentId: i === 0 ? null : `many${i - 1}`,
      timestamp: new Date(Date.UTC(2026, 0, 1) + i * 1_000).toISOString(),
      message: { role: "user", content: "almondtree ".repeat(1 + (i % 7)) },
    }));
    const lines = [header, ...entries].map((line) => JSON.stringify(line));
    const write = () => {
      writeFileSync(path, `${lines.join("\n")}\n`);
      utimesSync(path, 1_000_000_000, 1_000_000_000);
    };
    write();
    assert.equal((await find("almondtree")).total, 450);
    // As long and as old as it was: nobody knows yet.
    lines[440] = "x".repeat(lines[440]?.length ?? 0);
    write();
    for (const sort of ["time", "relevance"]) {
      const exported = await place.ok(["history", "export", "almondtree", "--sort", sort]);
      const ids = exported.split("\n").map((line) => (JSON.parse(line) as { entryId: string }).entryId);
      assert.equal(ids.length, 449, sort);
      assert.equal(new Set(ids).size, 449, sort);
    }
    rmSync(path);
  });

  it("searches while somebody types, and continues the session", { skip: withoutTmux() }, async () => {
    const terminal = await Terminal.start(place, ["history", "search", "-i"], { columns: 100, rows: 20 });
    try {
      await terminal.shows(/Type to search/);
      await terminal.type("medlart");
      await terminal.shows(/now the medlartree/);
      await terminal.press("Enter");
      await terminal.shows(/echo: now the medlartree/);
      await terminal.press("C-d");
      await terminal.shows(/\[exit 0\] icanon echo/);
    } finally {
      await terminal.dispose();
    }
  });
});
