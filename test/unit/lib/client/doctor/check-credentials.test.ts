import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkCredentials } from "../../../../../src/lib/client/doctor/check-credentials.ts";
import { PROVIDER_VARIABLES } from "../../../../../src/lib/client/doctor/provider-variables.ts";
import { temporaryDirectory } from "./doctor-fixture.ts";

test("every variable in the table of pi's page of providers is known", () => {
  const page = fileURLToPath(
    new URL("../docs/providers.md", import.meta.resolve("@earendil-works/pi-coding-agent")),
  );
  const table = [...readFileSync(page, "utf8").matchAll(/^\|[^|]+\| `([A-Z_]+)` \|$/gm)].map(
    (match) => match[1] ?? "",
  );
  assert.ok(table.length > 25, `only ${table.length} rows found in ${page}`);
  const known: readonly string[] = PROVIDER_VARIABLES;
  assert.deepEqual(
    table.filter((name) => !known.includes(name)),
    [],
  );
});

test("a variable counts when it is set to something, and only its name is said", () => {
  const finding = checkCredentials(
    { HOME: "/nowhere", GROQ_API_KEY: "plain-secret", XAI_API_KEY: "" },
    "/",
    undefined,
  );
  assert.equal(finding.status, "ok");
  assert.equal(finding.message, "GROQ_API_KEY is set.");
});

test("a login of pi's own counts, with the names of its providers only; an empty file doesn't", (t) => {
  const dir = temporaryDirectory(t);
  const env = { HOME: dir, PI_CODING_AGENT_DIR: "~/agent" };
  mkdirSync(join(dir, "agent"));
  const auth = join(dir, "agent", "auth.json");
  writeFileSync(auth, "{}");
  assert.equal(checkCredentials(env, "/", undefined).status, "warning");
  writeFileSync(auth, JSON.stringify({ anthropic: { type: "api_key", key: "plain-secret" } }));
  const finding = checkCredentials(env, "/", undefined);
  assert.deepEqual([finding.status, finding.message], ["ok", `${auth} has anthropic.`]);
  assert.equal(checkCredentials({ HOME: dir, PI_CODING_AGENT_DIR: "agent" }, dir, undefined).status, "ok");
});

test("endpoints of one's own and a configured scripted model need no credential", (t) => {
  const dir = temporaryDirectory(t);
  assert.equal(checkCredentials({ HOME: dir }, "/", "scripted/echo").status, "ok");
  assert.equal(checkCredentials({ HOME: dir }, "/", "anthropic/claude").status, "warning");
  mkdirSync(join(dir, ".pi", "agent"), { recursive: true });
  writeFileSync(join(dir, ".pi", "agent", "models.json"), JSON.stringify({ providers: { ollama: {} } }));
  assert.match(checkCredentials({ HOME: dir }, "/", undefined).message, /models\.json has ollama/);
});

test("a broken auth.json is a warning of its own that quotes nothing", (t) => {
  const dir = temporaryDirectory(t);
  writeFileSync(join(dir, "auth.json"), '{"anthropic": plain-secret');
  const finding = checkCredentials(
    { HOME: dir, PI_CODING_AGENT_DIR: dir, GROQ_API_KEY: "x" },
    "/",
    undefined,
  );
  assert.equal(finding.status, "warning");
  assert.match(finding.message, /auth\.json can't be read as JSON/);
  assert.ok(!finding.message.includes("plain-secret"));
});
