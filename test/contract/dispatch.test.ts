import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { PictlError, toPictlError } from "../../src/lib/core/errors.ts";
import { type Answer, dispatch } from "../../src/lib/daemon/dispatch.ts";
import type { HandlerContext } from "../../src/lib/daemon/handlers.ts";
import type { Caller } from "../../src/lib/session/caller.ts";

interface Call {
  target: object;
  command: object;
}

describe("dispatch", () => {
  let calls: Call[];
  let context: HandlerContext;
  let stopped: { now?: boolean | undefined }[];

  beforeEach(() => {
    calls = [];
    stopped = [];
    // Only what the requests of these tests reach.
    context = {
      caller: { pid: 7 },
      sink: { write: () => true, onDrain: () => undefined },
      daemon: {
        status: () => {
          throw new PictlError("DAEMON_SHUTTING_DOWN", "on its way out");
        },
        diagnostics: async () => ({}),
        stop: (how: { now?: boolean | undefined }) => stopped.push(how),
        drainTimeoutMs: 30_000,
      },
      sessions: {
        find: (target: object, caller: Caller) => ({
          id: "s1",
          command: async (command: { type: string }) => {
            calls.push({ target, command });
            if (command.type === "compact")
              throw new PictlError("AGENT_COMMAND_FAILED", "nothing to compact");
            return { echoed: command, pid: caller.pid };
          },
        }),
      },
    } as unknown as HandlerContext;
  });

  /** The one answer that a frame gets. */
  async function ask(frame: string | object): Promise<Answer & { code?: string }> {
    const answers: Answer[] = [];
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    await dispatch(text, context, (answer) => answers.push(answer));
    const [answer] = answers;
    assert.equal(answers.length, 1, "every request gets exactly one answer");
    if (answer === undefined) throw new Error("no answer");
    return answer.error === undefined ? answer : { ...answer, code: toPictlError(answer.error).code };
  }

  test("what isn't a request is refused without an end of the connection", async () => {
    for (const frame of ["not json", "5", "null", "[]", "{}", '{"type":5}', '{"type":"prompt","id":5}']) {
      const answer = await ask(frame);
      assert.deepEqual([answer.command, answer.code], ["unknown", "INVALID_INPUT"], frame);
    }
  });

  test("what isn't a request keeps its id where it has a valid one", async () => {
    for (const frame of ['{"id":"7","type":5}', '{"id":"7"}', `{"id":"7","type":"${"x".repeat(101)}"}`]) {
      assert.deepEqual([(await ask(frame)).id, (await ask(frame)).code], ["7", "INVALID_INPUT"], frame);
    }
    for (const frame of [
      '{"id":7,"type":"wait"}',
      `{"id":"${"x".repeat(201)}","type":"wait"}`,
      '[{"id":"7"}]',
    ]) {
      assert.equal((await ask(frame)).id, undefined, frame);
    }
  });

  test("an unknown request is told by name, also one that objects have by nature", async () => {
    for (const type of ["no_such", "constructor", "toString", "__proto__"]) {
      const answer = await ask({ id: "1", type });
      assert.deepEqual([answer.id, answer.command, answer.code], ["1", type, "UNKNOWN_COMMAND"]);
    }
  });

  test("wrong parameters name the field and say what is wrong with it", async () => {
    const answer = await ask({ id: "1", type: "prompt", message: 5, cwd: "/w" });
    assert.equal(answer.code, "INVALID_INPUT");
    assert.match(toPictlError(answer.error).message, /message: .*string/i);
    assert.equal((await ask({ type: "fork", sessionId: "a" })).code, "INVALID_INPUT");
    assert.equal(
      (await ask({ type: "export_session", format: "pdf", outputPath: "/a" })).code,
      "INVALID_INPUT",
    );
  });

  test("a handler's answer and a handler's error carry the request's id and name", async () => {
    assert.deepEqual(await ask({ id: "1", type: "stop_daemon", now: true }), {
      id: "1",
      command: "stop_daemon",
      data: { stopping: true, drainTimeoutMs: 30_000 },
    });
    assert.deepEqual(stopped, [{ now: true }]);
    const failed = await ask({ id: "2", type: "get_daemon_status" });
    assert.deepEqual(
      [failed.id, failed.command, failed.code],
      ["2", "get_daemon_status", "DAEMON_SHUTTING_DOWN"],
    );
  });

  test("pi's commands go to the agent as they are, without what is the daemon's", async () => {
    const answer = await ask({
      id: "9",
      type: "bash",
      command: "ls",
      sessionId: "abc",
      cwd: "/w",
      later: [1],
    });
    assert.deepEqual(calls, [
      { target: { sessionId: "abc", cwd: "/w" }, command: { type: "bash", command: "ls", later: [1] } },
    ]);
    assert.deepEqual(answer.data, { echoed: { type: "bash", command: "ls", later: [1] }, pid: 7 });
    assert.equal((await ask({ type: "compact", sessionId: "abc" })).code, "AGENT_COMMAND_FAILED");
  });

  test("an answer to a dialog keeps the dialog's id", async () => {
    await ask({ id: "dialog-1", type: "extension_ui_response", sessionId: "a", confirmed: true });
    assert.deepEqual(calls[0]?.command, { type: "extension_ui_response", id: "dialog-1", confirmed: true });
  });

  test("commands that would move the agent to another session are unknown, and refused as records", async () => {
    for (const type of ["new_session", "switch_session"]) {
      assert.equal((await ask({ type, sessionId: "a" })).code, "UNKNOWN_COMMAND");
    }
    // The requests fork and clone are the daemon's own; pi's commands of these names would move its agent.
    for (const type of ["new_session", "switch_session", "fork", "clone"]) {
      const refused = await ask({ type: "send_record", sessionId: "a", record: { type, entryId: "e" } });
      assert.equal(refused.code, "INVALID_INPUT", type);
    }
    assert.deepEqual(calls, []);
  });
});
