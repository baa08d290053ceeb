import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Compares the committed oclif.manifest.json with the one that the built commands give.
const root = fileURLToPath(new URL("../", import.meta.url));
const copy = mkdtempSync(join(tmpdir(), "pictl-manifest-"));
try {
  // oclif writes the manifest beside package.json, and a check must not repair what it checks.
  cpSync(join(root, "package.json"), join(copy, "package.json"));
  cpSync(join(root, "dist"), join(copy, "dist"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  execFileSync(process.execPath, [join(root, "node_modules/oclif/bin/run.js"), "manifest", copy], {
    cwd: copy,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (
    readFileSync(join(root, "oclif.manifest.json"), "utf8") !==
    readFileSync(join(copy, "oclif.manifest.json"), "utf8")
  ) {
    process.stderr.write('oclif.manifest.json is out of date: run "npm run manifest" and commit it.\n');
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true });
}
