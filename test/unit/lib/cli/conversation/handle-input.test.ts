import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { Conversation } from "../../../../../src/lib/cli/conversation/conversation.ts";
import type { Face } from "../../../../../src/lib/cli/conversation/face.ts";
import { handleInput } from "../../../../../src/lib/cli/conversation/handle-input.ts";
import type { Talk } from "../../../../../src/lib/cli/conversation/talk.ts";
import { PictlError } from "../../../../../src/lib/core/errors.ts";

describe("handleInput", () => {
  let done: unknown[][];
  let conversation: Conversation;
  let failure: PictlError | undefined;
  let input: string;
  let aside: string;
  let left: boolean;
  let face: Face;

  beforeEach(() => {
    done = [];
    conversation = new Conversation();
    failure = undefined;
    input = "";
    aside = "";
    left = false;
    face = {
      keys: [],
      choose: () => Promise.resolve(undefined),
      setInput: (text) => {
        input = text;
      },
      setAside: (text) => {
        aside = text;
      },
      leave: () => {
        left = true;
      },
    };
  });

  async function type(text: string, whenBusy?: "steer" | "followUp"): Promise<void> {
    const note =
      (name: string) =>
      (...args: unknown[]) => {
        done.push([name, ...args]);
        return failure === undefined ? Promise.resolve() : Promise.reject(failure);
      };
    const talk = {
      conversation,
      prompt: note("prompt"),
      shell: note("shell"),
      setThinking: note("thinking"),
    };
    await handleInput({ talk: talk as unknown as Talk, face }, text, whenBusy);
  }

  test("a message keeps its lines and spaces", async () => {
    await type("  one\n  two");
    await type("later", "followUp");
    assert.deepEqual(done, [
      ["prompt", "  one\n  two", "steer"],
      ["prompt", "later", "followUp"],
    ]);
  });

  test("! runs a command, !! keeps it from the model, and a lone ! is a message", async () => {
    await type("!ls -l");
    await type("!! pwd");
    await type("!");
    assert.deepEqual(done, [
      ["shell", "ls -l", false],
      ["shell", "pwd", true],
      ["prompt", "!", "steer"],
    ]);
  });

  test("our commands are done here, pi's go to pi", async () => {
    await type("/thinking high");
    await type("/rpc-input x");
    await type("/quit");
    assert.deepEqual(done, [
      ["thinking", "high"],
      ["prompt", "/rpc-input x", "steer"],
    ]);
    assert.equal(left, true);
  });

  test("a message that wasn't taken is given back, with the reason", async () => {
    failure = new PictlError("SESSION_IN_USE", "Somebody has it.", { hint: "Wait." });
    await type("hello");
    assert.deepEqual([input, aside], ["hello", ""]);
    const [notice] = conversation.blocks;
    assert.ok(notice?.kind === "notice" && notice.level === "error");
    assert.equal(notice.text, "Somebody has it.\nWait.");
  });

  test("a message is set aside when a command must choose a model first", async () => {
    failure = new PictlError("NO_MODEL", "There is no model.", { hint: "Choose one." });
    await type("hello");
    assert.deepEqual([input, aside], ["", "hello"]);
    const [notice] = conversation.blocks;
    assert.ok(notice?.kind === "notice" && notice.level === "error");
    assert.match(notice.text, /^There is no model\.\n\/model lists/);
  });

  test("a command that fails says why and leaves the input alone", async () => {
    await type("/thinking hihg");
    assert.deepEqual(done, []);
    assert.equal(input, "");
    assert.match(JSON.stringify(conversation.blocks), /no thinking level \\"hihg\\"/);
  });
});
