import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Writes oclif.manifest.json from the built commands; with --check it only compares the committed one with that.
const root = fileURLToPath(new URL("../", import.meta.url));
const path = join(root, "oclif.manifest.json");
const manifest = ofBuiltCommands();
if (!process.argv.includes("--check")) {
  writeFileSync(path, manifest);
} else if (readFileSync(path, "utf8") !== manifest) {
  process.stderr.write('oclif.manifest.json is out of date: run "npm run manifest" and commit it.\n');
  process.exitCode = 1;
}

/** In a copy: oclif writes the manifest beside package.json, and a check must not repair what it checks. */
function ofBuiltCommands(): string {
  const copy = mkdtempSync(join(tmpdir(), "pictl-manifest-"));
  try {
    cpSync(join(root, "package.json"), join(copy, "package.json"));
    cpSync(join(root, "dist"), join(copy, "dist"), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    execFileSync(process.execPath, [join(root, "node_modules/oclif/bin/run.js"), "manifest", copy], {
      cwd: copy,
      stdio: ["ignore", "ignore", "inherit"],
    });
    return sorted(readFileSync(join(copy, "oclif.manifest.json"), "utf8"));
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** oclif lists the commands in the order in which it happened to find their files. */
function sorted(text: string): string {
  const { commands, ...rest } = JSON.parse(text) as { commands: Record<string, unknown> };
  const inOrder = Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ commands: Object.fromEntries(inOrder), ...rest }, null, 2)}\n`;
}
