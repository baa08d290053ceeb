import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

describe("the check of import directions", () => {
  let copy = "";
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), "pictl-imports-"));
    for (const name of [".dependency-cruiser.js", "tsconfig.json", "package.json", "scripts", "src"]) {
      cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  });
  afterEach(() => rmSync(copy, { recursive: true, force: true }));

  function check() {
    return spawnSync(process.execPath, ["scripts/check-imports.ts"], { cwd: copy, encoding: "utf8" });
  }

  /** Adds a file that imports these. */
  function add(path: string, ...imports: string[]): void {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), imports.map((name) => `import ${JSON.stringify(name)};\n`).join(""));
  }

  it("finds what points the wrong way and says what to do instead", () => {
    add("src/lib/client/wrong.ts", "../daemon/server.ts");
    add("src/lib/session/wrong.ts", "../core/outside/start-program.ts");
    add("src/lib/sandbox/wrong.ts", "node:child_process");
    add("src/lib/agent/wrong.ts", "execa");
    add("src/lib/daemon/wrong.ts", "chalk", "node:sqlite");
    add("src/lib/core/wrong.ts", "execa");
    add("src/lib/cli/wrong.ts", "typescript");
    const { stderr, status } = check();
    assert.equal(status, 1);
    for (const line of [
      /^client-imports: src\/lib\/client\/wrong\.ts -> src\/lib\/daemon\/server\.ts$/m,
      /^client-imports: src\/lib\/client knows the daemon only by its socket\./m,
      /^outside-programs: src\/lib\/sandbox\/wrong\.ts -> /m,
      /^outside-programs: src\/lib\/agent\/wrong\.ts -> /m,
      /^spawning: src\/lib\/session\/wrong\.ts -> /m,
      /^terminal-packages: src\/lib\/daemon\/wrong\.ts -> /m,
      /^sqlite: src\/lib\/daemon\/wrong\.ts -> /m,
      /^core-packages: src\/lib\/core\/wrong\.ts -> /m,
      /^no-undeclared: src\/lib\/cli\/wrong\.ts -> /m,
    ]) {
      assert.match(stderr, line);
    }
  });

  it("fails when it cruised nothing", () => {
    rmSync(join(copy, "src"), { recursive: true });
    mkdirSync(join(copy, "src"));
    const { stderr, status } = check();
    assert.equal(status, 1);
    assert.match(stderr, /^Only 0 modules were cruised/m);
  });
});
