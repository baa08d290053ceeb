import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runCommand } from "../../../../../../src/lib/sandbox/gate/providers/run-command.ts";
import { type ProviderSecrets, Secrets } from "../../../../../../src/lib/sandbox/gate/providers/secrets.ts";

function options(t: TestContext, changes: Partial<ProviderSecrets>): ProviderSecrets {
  const agentDir = mkdtempSync(join(tmpdir(), "pictl-secrets-"));
  t.after(() => rmSync(agentDir, { recursive: true }));
  return {
    provider: "xai",
    agentDir,
    env: {},
    bearer: false,
    headers: [],
    runPi: () => Promise.reject(new Error("no pi here")),
    runCommand: () => Promise.reject(new Error("no command here")),
    ...changes,
  };
}

test("a login is taken as it is stored while it is good, read anew each time, and renewed once when it ends soon", async (t) => {
  const asked: string[][] = [];
  const made = options(t, {
    key: { source: { kind: "stored-login" }, placeholder: "P" },
    runPi: async (args) => {
      asked.push(args);
      return "renewed\n";
    },
  });
  const store = (access: string, minutes: number) =>
    writeFileSync(
      join(made.agentDir, "auth.json"),
      JSON.stringify({
        xai: { type: "oauth", access, refresh: "r", expires: Date.now() + minutes * 60_000 },
      }),
    );
  const secrets = new Secrets(made);
  store("first", 60);
  assert.deepEqual(await secrets.credential(), { values: { P: "first" } });
  store("second", 60);
  assert.deepEqual(await secrets.credential(), { values: { P: "second" } });
  assert.deepEqual(asked, []);
  store("third", 2);
  const together = await Promise.all([secrets.credential(), secrets.credential(), secrets.credential()]);
  assert.deepEqual(together, new Array(3).fill({ values: { P: "renewed" } }));
  assert.deepEqual(asked, [["auth", "print-bearer-token", "--provider", "xai"]]);
});

test("a login that can't be renewed says what to do, and the next request tries again", async (t) => {
  let output = "";
  const secrets = new Secrets(
    options(t, { key: { source: { kind: "stored-login" }, placeholder: "P" }, runPi: async () => output }),
  );
  await assert.rejects(secrets.credential(), /sign in again with `pi` and \/login xai/);
  output = "token";
  assert.deepEqual(await secrets.credential(), { values: { P: "token" } });
});

test("a command's output is kept until it is forgotten, and a failure isn't", async (t) => {
  const outputs = [Promise.reject(new Error("locked")), Promise.resolve("one"), Promise.resolve("two")];
  outputs[0]?.catch(() => {});
  const secrets = new Secrets(
    options(t, {
      key: { source: { kind: "configured", value: "!get key" }, placeholder: "P" },
      runCommand: () => outputs.shift() ?? Promise.reject(new Error("asked too often")),
    }),
  );
  await assert.rejects(secrets.credential(), /locked/);
  assert.deepEqual(await secrets.credential(), { values: { P: "one" } });
  assert.deepEqual(await secrets.credential(), { values: { P: "one" } });
  secrets.invalidate();
  assert.deepEqual(await secrets.credential(), { values: { P: "two" } });
});

test("requests that are refused while a command runs start no other one", async (t) => {
  const output = Promise.withResolvers<string>();
  let started = 0;
  const secrets = new Secrets(
    options(t, {
      key: { source: { kind: "configured", value: "!get key" }, placeholder: "P" },
      runCommand: () => {
        started += 1;
        return output.promise;
      },
    }),
  );
  const asked = [1, 2, 3].map(() => {
    const credential = secrets.credential();
    secrets.invalidate();
    return credential;
  });
  output.resolve("key");
  await Promise.all(asked);
  assert.equal(started, 1);
});

test("a command that fails or says nothing is told without its output", async () => {
  const env = { PATH: process.env.PATH };
  assert.equal(await runCommand("printf '  key \\n'", env), "key");
  await assert.rejects(
    runCommand("printf secret; exit 1", env),
    (error: Error) => !error.message.includes("secret"),
  );
  await assert.rejects(runCommand("true", env), /printed nothing/);
});
