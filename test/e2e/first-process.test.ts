import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BIN, Workspace } from "../support/workspace.ts";

const NAMESPACE = ["--pid", "--fork", "--mount-proc", "--kill-child"];
const skip =
  spawnSync("unshare", [...NAMESPACE, "true"]).status === 0
    ? false
    : "process namespaces can't be made here (unshare)";

test("as the first process of a container, `daemon run` collects orphans and passes signals on", {
  skip,
}, async (t) => {
  const place = new Workspace();
  const outside = spawn("unshare", [...NAMESPACE, process.execPath, BIN, "daemon", "run"], {
    cwd: place.cwd,
    env: place.env as NodeJS.ProcessEnv,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(outside, "close");
  t.after(async () => {
    outside.kill("SIGKILL");
    await closed;
    await place.dispose();
  });
  let log = "";
  for await (const chunk of outside.stderr) {
    log += chunk;
    if (log.includes('"listening"')) break;
  }
  assert.match(log, /"listening"/);
  outside.stderr.on("error", () => undefined).resume();
  await place.ok(["prompt", "--model", "scripted/echo", "hi"]);
  // An orphan whose parent has ended. A zombie of it would stay in /proc for ever.
  const orphan = "pid=$(setsid sh -c 'sleep 0.1 >/dev/null & echo $!')";
  const gone = `i=0; while [ -e /proc/$pid ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; [ -e /proc/$pid ] || echo gone`;
  assert.equal(await place.ok(["session", "bash", "--", `${orphan}; ${gone}`]), "gone");
  const first = Number(readFileSync(`/proc/${outside.pid}/task/${outside.pid}/children`, "utf8"));
  process.kill(first, "SIGTERM");
  const [code] = await closed;
  assert.equal(code, 0, log);
});
