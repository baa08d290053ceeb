import assert from "node:assert/strict";
import { test } from "node:test";
import { Chalk } from "chalk";
import { widthOfText } from "../../../../../src/lib/cli/render/columns.ts";
import { renderSessionList } from "../../../../../src/lib/cli/render/session-list.ts";
import type { SessionInfo } from "../../../../../src/lib/protocol/session.ts";

const now = Date.parse("2026-11-21T12:00:00Z");
const session = (fields: Partial<SessionInfo>): SessionInfo => ({
  id: "019abc12-0000-4000-8000-000000000000",
  state: "idle",
  cwd: "/home/u/project",
  model: "anthropic/claude-sonnet-4-5",
  messages: 12,
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 12_345 },
  cost: 0.012,
  createdAt: now,
  modifiedAt: now - 3 * 3_600_000,
  current: false,
  ephemeral: false,
  origin: "pictl",
  queued: 0,
  ...fields,
});
const plain = { colors: new Chalk({ level: 0 }), width: undefined, directories: true, now, home: "/home/u" };

test("one line a session, nothing cut, columns under their heading", async () => {
  const text = await renderSessionList(
    [
      session({ name: "漢字 review", current: true, state: "working", queued: 2 }),
      session({ id: "0200000000000000", firstMessage: "fix the\ntests", modifiedAt: now, cwd: "/srv/x" }),
    ],
    plain,
  );
  assert.equal(
    text,
    [
      "   ID        NAME           STATE       MODEL                        MSGS  TOKENS   COST  AGE  DIRECTORY",
      "*  019abc12  漢字 review    working +2  anthropic/claude-sonnet-4-5    12   12.3k  $0.01   3h  ~/project",
      "   02000000  fix the tests  idle        anthropic/claude-sonnet-4-5    12   12.3k  $0.01  now  /srv/x",
      "",
    ].join("\n"),
  );
});

test("fits 80 columns, and cuts the name and the directory before the model", async () => {
  const list = [
    session({
      name: "a name that is much longer than there is room for 漢字漢字漢字",
      cwd: `/home/u/${"deep/".repeat(20)}end`,
    }),
    session({ id: "0200000000000000", state: "compacting", model: "openrouter/moonshotai/kimi-k2" }),
  ];
  for (const width of [80, 100, 120]) {
    const lines = (await renderSessionList(list, { ...plain, width })).split("\n");
    for (const line of lines)
      assert.ok(widthOfText(line) <= width, `${widthOfText(line)} > ${width}: ${line}`);
    assert.match(lines[1] ?? "", /^ {2}019abc12 {2}a name.*… .* …\S*end$/);
  }
  assert.match(await renderSessionList(list, { ...plain, width: 120 }), / claude-sonnet-4-5 .*\n.* kimi-k2 /);
});

test("two thousand sessions are laid out as a few are", async () => {
  const many = Array.from({ length: 2_000 }, (_, i) =>
    session({ id: String(i).padStart(12, "0"), name: "n" }),
  );
  const few = (await renderSessionList(many.slice(0, 50), plain)).split("\n");
  const all = (await renderSessionList(many, plain)).split("\n");
  assert.equal(all.length, 2_002);
  const afterIds = (line = "") => line.replace(/^ +\w+ +/, "");
  assert.deepEqual(all.slice(0, 51).map(afterIds), few.slice(0, 51).map(afterIds));
});

test("an id is shown as far as no other one begins like it", async () => {
  const ids = ["0199aaaa-1111", "0199aaaa-1222", "0199bbbb-1111"];
  const shown = await renderSessionList([session({ id: ids[0] ?? "" })], { ...plain, otherIds: ids });
  assert.match(shown, / 0199aaaa-11 /);
  assert.match(
    await renderSessionList([session({ id: ids[2] ?? "" })], { ...plain, otherIds: ids }),
    / 0199bbbb /,
  );
});

test("colours states, and nothing a session is called can steer the terminal", async () => {
  const list = [session({ name: "x\u001b[2J\u0007\nnext", state: "working" }), session({ state: "waiting" })];
  const text = await renderSessionList(list, plain);
  assert.match(text, / x next +working /);
  assert.ok(!text.includes("\u001b") && !text.includes("\u0007"));
  const colored = await renderSessionList(list, { ...plain, colors: new Chalk({ level: 1 }) });
  assert.ok(
    colored.includes("\u001b[32mworking\u001b[39m") && colored.includes("\u001b[33mwaiting\u001b[39m"),
  );
});
