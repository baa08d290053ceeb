import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { piVersion } from "../../../../../src/lib/agent/pi/pi-version.ts";
import { scaled } from "../../../../support/speed.ts";
import { installPi, memoryCache, temporaryDirectory, writeProgram } from "./pi-fixture.ts";

const ENV = { PATH: process.env.PATH };

test("the package above a script tells its version without starting it, through a link too", async (t) => {
  const dir = temporaryDirectory(t);
  const link = join(dir, "pi");
  symlinkSync(installPi(dir, "1.2.3"), link);
  assert.equal(await piVersion([process.execPath, link], link, ENV, memoryCache()), "1.2.3");
});

test("any other program is asked once, until its file changes", async (t) => {
  const dir = temporaryDirectory(t);
  const calls = join(dir, "calls");
  const pi = writeProgram(
    join(dir, "pi"),
    `#!/bin/sh\necho "$1" >> '${calls}'\necho a banner\necho v1.4.0-rc.1\n`,
  );
  const cache = memoryCache();
  const ask = () => piVersion([pi], pi, ENV, cache);
  assert.equal(await ask(), "1.4.0-rc.1");
  assert.equal(await ask(), "1.4.0-rc.1");
  assert.equal(readFileSync(calls, "utf8"), "--version\n");
  utimesSync(pi, 1, 1);
  await ask();
  appendFileSync(pi, "\n# larger\n");
  utimesSync(pi, 1, 1);
  await ask();
  assert.equal(readFileSync(calls, "utf8"), "--version\n".repeat(3));
});

test("the arguments of a configured command belong to what is remembered", async (t) => {
  const pi = writeProgram(join(temporaryDirectory(t), "run"), '#!/bin/sh\necho "$1"\n');
  const cache = memoryCache();
  assert.equal(await piVersion([pi, "1.0.0"], pi, ENV, cache), "1.0.0");
  assert.equal(await piVersion([pi, "2.0.0"], pi, ENV, cache), "2.0.0");
});

test("what isn't a version is shown, cut and without secrets, and isn't remembered", async (t) => {
  const env = { ...ENV, MY_API_KEY: "plain-secret-value" };
  const pi = writeProgram(
    join(temporaryDirectory(t), "pi"),
    `#!/bin/sh\necho "3.14 $MY_API_KEY"; head -c 5000 /dev/zero | tr '\\0' x\n`,
  );
  const cache = memoryCache();
  await assert.rejects(piVersion([pi], pi, env, cache), (error: Error & { code?: string }) => {
    assert.equal(error.code, "PI_NOT_FOUND");
    assert.match(error.message, /3\.14 \[redacted:MY_API_KEY\]/);
    assert.ok(error.message.length < 500);
    return true;
  });
  assert.equal(cache.entries.size, 0);
});

test("a program that fails is no pi even when it prints a version", async (t) => {
  const pi = writeProgram(join(temporaryDirectory(t), "pi"), "#!/bin/sh\necho 1.0.0\nexit 3\n");
  await assert.rejects(piVersion([pi], pi, ENV, memoryCache()), {
    code: "PI_NOT_FOUND",
    message: /exit code 3/,
  });
});

test("a program that can't begin is told so", async (t) => {
  const pi = writeProgram(join(temporaryDirectory(t), "pi"), "#!/no/such/interpreter\n");
  await assert.rejects(piVersion([pi], pi, ENV, memoryCache()), {
    code: "PI_NOT_FOUND",
    message: /before it began \(ENOENT\)/,
  });
});

test("one that never ends is stopped with all that it started", async (t) => {
  const dir = temporaryDirectory(t);
  const pidFile = join(dir, "child");
  const pi = writeProgram(join(dir, "pi"), `#!/bin/sh\nsleep 600 &\necho $! > '${pidFile}'\nwait\n`);
  await assert.rejects(piVersion([pi], pi, ENV, memoryCache(), 500), {
    code: "TIMEOUT",
    message: /did not answer `--version` within 0\.5 s, in 2 attempts/,
    retryable: true,
  });
  assert.ok(existsSync(pidFile), "it was stopped before it had started anything");
  assert.ok(await isGone(Number(readFileSync(pidFile, "utf8"))), "its child still runs");
});

test("one that is late the first time is asked again", async (t) => {
  const dir = temporaryDirectory(t);
  const asked = join(dir, "asked");
  const pi = writeProgram(
    join(dir, "pi"),
    `#!/bin/sh\n[ -e '${asked}' ] && echo 1.4.0 && exit\n: > '${asked}'\nexec sleep 600\n`,
  );
  assert.equal(await piVersion([pi], pi, ENV, memoryCache(), 5_000), "1.4.0");
});

test("the reason of a program that crashes is shown, which Node prints first", async (t) => {
  const program = "#!/usr/bin/env node\nimport 'no-such-package';\n";
  const pi = writeProgram(join(temporaryDirectory(t), "pi.mjs"), program);
  await assert.rejects(piVersion([process.execPath, pi], pi, ENV, memoryCache()), {
    code: "PI_NOT_FOUND",
    message: /exit code 1 and said: [\s\S]*Cannot find package 'no-such-package'/,
  });
});

/** Killed is not yet reaped: that is for the system's first process to do. */
async function isGone(pid: number): Promise<boolean> {
  for (const deadline = Date.now() + scaled(5_000); Date.now() < deadline; ) {
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
    if (stat === "" || /\) [ZX] /.test(stat)) return true;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return false;
}
