import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AgentSandbox } from "../../../../../src/lib/agent/sandbox/agent-sandbox.ts";
import type { Sandbox } from "../../../../../src/lib/sandbox/sandbox.ts";

test("an agent is exposed once the user has made a repository around it, whose hooks its sandbox doesn't hold", (t) => {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), "pictl-exposed-")));
  t.after(() => rmSync(workspace, { recursive: true }));
  const plan = {
    policy: { profile: "strict" },
    sessionDir: undefined,
    warnings: [],
    workspace,
    git: undefined,
  };
  const sandbox = new AgentSandbox(
    plan as unknown as ConstructorParameters<typeof AgentSandbox>[0],
    {} as Sandbox,
  );
  sandbox.started(process.pid);
  assert.equal(sandbox.isExposed(process.pid), false);
  mkdirSync(join(workspace, ".git/hooks"), { recursive: true });
  writeFileSync(join(workspace, ".git/HEAD"), "ref: refs/heads/main\n");
  assert.equal(sandbox.isExposed(process.pid), true);
});
