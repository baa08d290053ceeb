import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Workspace } from "../support/workspace.ts";

const CONFIDENTIAL = "confidential-instructions-4711";

describe("the prompts of a deleted session", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());

  it("are gone with the last session that has them", async () => {
    const pi = join(place.agentDir, "pictl");
    const files = () => readdirSync(join(pi, "prompts"));
    const create = async () => {
      const flags = ["--model", "scripted/echo", "--append-system-prompt", CONFIDENTIAL];
      return (await place.json<{ sessionId: string }>(["session", "create", ...flags])).sessionId;
    };
    const [one, other] = [await create(), await create()];
    await place.ok(["session", "delete", "--yes", one]);
    assert.equal(files().length, 1);
    // As a session of another PICTL_HOME has it.
    mkdirSync(join(pi, "options"), { recursive: true });
    const note = join(pi, "options", "elsewhere.json");
    writeFileSync(note, JSON.stringify({ appendSystemPrompt: [CONFIDENTIAL] }));
    await place.ok(["session", "delete", "--yes", other]);
    assert.equal(files().length, 1);
    rmSync(note);
    await place.ok(["session", "delete", "--yes", await create()]);
    assert.deepEqual(files(), []);
    for (const directory of [place.paths.stateDir, join(pi, "options")])
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const text = readFileSync(join(directory, entry.name), "latin1");
        assert.ok(!text.includes(CONFIDENTIAL), entry.name);
      }
  });
});
