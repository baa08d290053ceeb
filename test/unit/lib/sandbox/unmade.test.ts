import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { resolvePaths } from "../../../../src/lib/core/paths.ts";
import { openSandbox } from "../../../../src/lib/sandbox/open-sandbox.ts";
import { planSandbox } from "../../../../src/lib/sandbox/plan.ts";

/** Ends before its copy inside is tied to it, which then waits for the permission to go on. */
const ENDS_EARLY = `#!/bin/sh
(echo >&6; read -r line <&6; echo "ended: $line") 5>&- &
exit 1
`;

test("what is left of a bubblewrap that ended while it made the sandbox ends too", async (t) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-unmade-")));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const path = (name: string) => join(root, name);
  for (const name of ["bin", "home", "work", "pi", "run"]) mkdirSync(path(name), { mode: 0o700 });
  writeFileSync(path("bin/bwrap"), ENDS_EARLY, { mode: 0o755 });
  const environment = {
    PATH: `${path("bin")}:/usr/bin:/bin`,
    HOME: path("home"),
    PICTL_HOME: path("state"),
  };
  const plan = await planSandbox({
    always: true,
    profile: "strict",
    cwd: path("work"),
    environment,
    paths: resolvePaths(environment),
    agentDir: path("pi"),
  });
  const options = { environment, agentPlaces: [], runtimeDir: path("run"), onLog: () => undefined };
  const sandbox = await openSandbox(plan, options);
  const child = sandbox.spawn(["true"], path("work"), ["pipe", "pipe", "pipe"]);
  t.after(() => {
    for (const stream of child.stdio) stream?.destroy();
  });
  // Its stdout ends with the last process that holds it, which hears it at its question or in the wait for the answer.
  assert.match(await text(child.stdout ?? assert.fail()), /^(ended: \n)?$/);
  await sandbox.close();
});
