/** Builds `dist/`: every command, the command line, the daemon and the extension for the scripted model. */
import { createHash } from "node:crypto";
import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

function digestOfSources(): string {
  const hash = createHash("sha256");
  for (const file of globSync("src/**/*.ts", { cwd: root }).sort()) {
    hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22.19",
  logLevel: "warning",
  legalComments: "none",
  define: { __PICTL_BUILD__: JSON.stringify(digestOfSources()), __PICTL_VERSION__: JSON.stringify(version) },
};

rmSync(join(root, "dist"), { recursive: true, force: true });
await build({
  ...common,
  entryPoints: [...globSync("src/commands/**/*.ts", { cwd: root }), "src/lib/cli/main.ts", "src/lib/daemon/main.ts", "src/lib/daemon/entry.ts"],
  outdir: "dist",
  outbase: "src",
  splitting: true,
  chunkNames: "chunks/[hash]",
  // listr2 is loaded only when a wait is long, and bundling makes it slower; pi is never imported, only found.
  external: ["listr2", "@earendil-works/pi-coding-agent"],
  // Bundled CommonJS packages call these; an ES module has none of its own.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
await build({
  ...common,
  entryPoints: ["src/lib/agent/scripted-model/extension.ts"],
  outfile: "dist/scripted-model.js",
  external: ["@earendil-works/pi-ai", "@earendil-works/pi-coding-agent"],
});
