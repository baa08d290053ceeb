import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { VersionCache } from "../../../../../src/lib/agent/pi/pi-version.ts";

/** A directory of the test's own, removed at its end. */
export function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "pictl-pi-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function writeProgram(path: string, text: string, mode = 0o755): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** What npm installs of a pi, as far as its version is looked for. @returns the program */
export function installPi(root: string, version: string): string {
  const home = join(root, "node_modules/@earendil-works/pi-coding-agent");
  const cli = writeProgram(
    join(home, "dist/bundle/cli.js"),
    "#!/usr/bin/env node\nthrow new Error('must not be started');\n",
  );
  writeFileSync(
    join(home, "package.json"),
    JSON.stringify({ name: "@earendil-works/pi-coding-agent", version }),
  );
  return cli;
}

export function memoryCache(): VersionCache & { entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return { entries, get: (key) => entries.get(key), set: (key, value) => void entries.set(key, value) };
}
