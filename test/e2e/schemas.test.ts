import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { misfits, publishedSchema } from "../support/schemas.ts";
import { scaled } from "../support/speed.ts";
import { SCENARIOS, Workspace } from "../support/workspace.ts";

describe("documents and records fit the published schemas", () => {
  let place: Workspace;
  before(async () => {
    place = new Workspace();
    await place.ok(["daemon", "start"]);
    const { responses } = JSON.parse(readFileSync(join(SCENARIOS, "tools.json"), "utf8")) as {
      responses: object[];
    };
    const path = join(place.root, "tools-twice.json");
    writeFileSync(path, JSON.stringify({ responses: [...responses, ...responses] }));
    const create = { name: "shapes", options: { model: `scripted/${path}` } };
    await place.turn({ cwd: place.cwd, fresh: true, create, message: "go" });
  });
  after(() => place.dispose());

  const fits = (name: string, ...documents: unknown[]) => {
    assert.ok(documents.length > 0);
    assert.deepEqual(misfits(publishedSchema(name), documents), []);
  };

  it("prompt-json", async () => {
    const called = JSON.parse(await place.ok(["prompt", "--format", "json", "again"]));
    const failed = ["prompt", "--new", "--model", place.scenario("error.json"), "go"];
    const late = [
      "prompt",
      "--new",
      "--model",
      place.scenario("long-turn.json"),
      "--timeout",
      `${scaled(3_000)}ms`,
      "go",
    ];
    const documents = [
      called,
      await place.json(failed),
      await place.json(late),
      await place.json(["prompt", "-s", "nowhere", "hi"]),
    ];
    const [, error, timeout, refused] = documents;
    assert.deepEqual(
      [called.toolCalls[0].name, called.toolCalls[0].isError, error.error.code, timeout.error.code],
      ["bash", false, "TURN_FAILED", "TIMEOUT"],
    );
    assert.deepEqual(Object.keys(refused), ["error"]);
    fits("prompt-json", ...documents);
  });

  it("session, transcript and error", async () => {
    const list = await place.json(["session", "list", "--all"]);
    const details = await place.json<{ messages: unknown[] }>(["session", "show", "shapes", "--messages"]);
    fits("session", list, details, await place.json(["session", "show", "shapes"]));
    assert.ok(details.messages.length >= 4);
    fits("transcript", details.messages);
    fits("error", await place.json(["session", "show", "nowhere"]), await place.json(["session", "nosuch"]));
  });

  it("requests and server-records", async () => {
    const session = { sessionId: "shapes" };
    const sent: Record<string, unknown>[] = [
      { type: "get_session", ...session },
      { type: "prompt", ...session, message: "over the socket", whenBusy: "wait", subscribe: true },
      { type: "get_session_stats", ...session },
      { type: "get_queue", ...session },
      { type: "list_sessions", cwd: place.cwd },
      { type: "ensure_session", cwd: place.cwd, name: "shapes", options: { model: "scripted/none" } },
      { type: "match_sessions", cwd: place.cwd, word: "shapes" },
      { type: "get_session", ...session, cwd: "/" },
      { type: "wait", ...session, for: ["idle"] },
      { type: "subscribe", ...session, since: 0 },
      { type: "respond", ...session, answer: { value: "nobody asked" } },
      { type: "get_daemon_status" },
      { type: "stop_daemon", now: true },
    ];
    const ready = {
      type: "client_ready",
      data: { version: "0.0.0", protocolVersion: "1.0", environment: {} },
    };
    const requests = [ready, ...sent.map((request, index) => ({ id: String(index), ...request }))];
    const received = await converse(place.paths.socket, requests);
    fits("requests", ...requests);
    fits("server-records", ...received);
    const types = new Set(received.map(({ type }) => type));
    for (const type of [
      "server_ready",
      "response",
      "event",
      "turn",
      "state",
      "session_elsewhere",
      "server_shutdown",
    ]) {
      assert.ok(types.has(type), type);
    }
  });
});

/** Sends each record when the one before it was answered, and gives all that comes until the other side ends. */
async function converse(path: string, requests: object[]): Promise<Record<string, unknown>[]> {
  const socket = connect(path);
  const received: Record<string, unknown>[] = [];
  const waiting = [...requests];
  let rest = "";
  socket.setEncoding("utf8");
  for await (const text of socket as AsyncIterable<string>) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const record = JSON.parse(line) as Record<string, unknown>;
      received.push(record);
      if (record.type !== "server_ready" && record.type !== "response") continue;
      // The first two go together: the handshake has no answer.
      const next = record.type === "server_ready" ? waiting.splice(0, 2) : waiting.splice(0, 1);
      socket.write(next.map((request) => `${JSON.stringify(request)}\n`).join(""));
    }
  }
  return received;
}
