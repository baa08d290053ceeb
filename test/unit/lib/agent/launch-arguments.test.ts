import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkPassedArguments, launchArguments } from "../../../../src/lib/agent/launch-arguments.ts";
import type { SessionOptions } from "../../../../src/lib/protocol/session.ts";

const FRESH = { kind: "new", id: "id-1", name: "review" } as const;
const ALL: SessionOptions = {
  tools: "read,grep",
  excludeTools: "bash",
  systemPrompt: "be brief",
  appendSystemPrompt: ["one", "two"],
  approve: true,
  piArgs: ["-e", "ext.ts"],
};

describe("launchArguments", () => {
  test("a new session gets its id, name and every option, and the caller's own arguments last", () => {
    const chosen = { model: "anthropic/claude", thinking: "high" };
    assert.deepEqual(launchArguments(FRESH, ALL, [], chosen), [
      "--mode",
      "rpc",
      "--session-id",
      "id-1",
      "--name",
      "review",
      "--model",
      "anthropic/claude",
      "--thinking",
      "high",
      "--tools",
      "read,grep",
      "--exclude-tools",
      "bash",
      "--system-prompt",
      "be brief",
      "--append-system-prompt",
      "one",
      "--append-system-prompt",
      "two",
      "--approve",
      "-e",
      "ext.ts",
    ]);
  });

  test("a session with a file keeps what stands in it; the rest is passed again", () => {
    assert.deepEqual(launchArguments({ kind: "file", path: "/s/a.jsonl" }, ALL, []), [
      "--mode",
      "rpc",
      "--session",
      "/s/a.jsonl",
      "--tools",
      "read,grep",
      "--exclude-tools",
      "bash",
      "--system-prompt",
      "be brief",
      "--append-system-prompt",
      "one",
      "--append-system-prompt",
      "two",
      "--approve",
      "-e",
      "ext.ts",
    ]);
  });

  test("an ephemeral session is never written", () => {
    const args = launchArguments({ kind: "memory", id: "id-2" }, {}, []);
    assert.deepEqual(args, ["--mode", "rpc", "--no-session", "--session-id", "id-2", "--no-approve"]);
  });

  test("nothing of the project is trusted unless that was asked for", () => {
    assert.ok(launchArguments(FRESH, {}, []).includes("--no-approve"));
    assert.ok(launchArguments(FRESH, { approve: false }, []).includes("--no-approve"));
    assert.ok(!launchArguments(FRESH, { approve: true }, []).includes("--no-approve"));
  });

  test("the scripted model's arguments take the place of the model, also for a session with a file", () => {
    const scripted = ["-e", "/x.js", "--model", "scripted/echo"];
    const fresh = launchArguments(FRESH, {}, scripted, { model: "scripted/echo" });
    assert.equal(fresh.filter((arg) => arg === "--model").length, 1);
    const resumed = launchArguments({ kind: "file", path: "/a" }, {}, scripted);
    assert.deepEqual(resumed.slice(4, 8), scripted);
  });
});

describe("checkPassedArguments", () => {
  test("refuses what decides the mode or the session, in both forms", () => {
    for (const arg of [
      "--mode",
      "--mode=json",
      "-p",
      "--print",
      "-c",
      "-r",
      "--session",
      "--session=/a",
      "--session-id",
      "--no-session",
      "--fork",
      "--export",
      "--help",
    ]) {
      assert.throws(
        () => checkPassedArguments(["-e", "ext.ts", arg]),
        { code: "INVALID_INPUT", exitCode: 2 },
        arg,
      );
    }
  });

  test("lets everything else through", () => {
    checkPassedArguments(["-e", "ext.ts", "--provider", "x", "--models=a,b", "--skill", "s", "-ne"]);
  });
});
