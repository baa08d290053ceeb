import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadConfig } from "../../../../src/lib/core/config.ts";
import { configFile } from "../../../../src/lib/core/config-file.ts";
import { CONFIG_KEYS } from "../../../../src/lib/core/config-keys.ts";

function file(t: TestContext, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), "pictl-keys-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "config.toml");
  writeFileSync(path, text);
  return path;
}

test("the table has the keys of the schema", () => {
  const inSchema = Object.entries(configFile.shape).flatMap(([key, schema]) => {
    const { innerType } = schema.def;
    return "shape" in innerType ? Object.keys(innerType.shape).map((inner) => `${key}.${inner}`) : [key];
  });
  assert.deepEqual(CONFIG_KEYS.map(({ key }) => key).sort(), inSchema.sort());
});

test("the defaults of the table are those that hold", async (t) => {
  const defaults = CONFIG_KEYS.flatMap(({ key, default: value }) =>
    value === undefined ? [] : [`${key} = ${JSON.stringify(value)}`],
  );
  const { format, ...written } = await loadConfig(file(t, defaults.join("\n")));
  assert.deepEqual(written, await loadConfig(join(tmpdir(), "pictl-no-such-file.toml")));
  assert.equal(format, "text");
});

test("a workspace may have what the table says", async (t) => {
  const values: Record<string, string> = { model: '"a/b"', thinking: '"low"', format: '"json"' };
  for (const key of ["history.exclude", "history.directories"]) values[key] = '["/x"]';
  for (const { key, workspace, default: value } of CONFIG_KEYS) {
    const path = file(
      t,
      `${key} = ${values[key] ?? (key === "agent.command" ? '"pi"' : JSON.stringify(value))}`,
    );
    const loading = loadConfig(join(tmpdir(), "pictl-no-such-file.toml"), path);
    if (workspace) await loading;
    else await assert.rejects(loading, /can't be set by a workspace/, key);
  }
});
