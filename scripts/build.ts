import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const OUT = `${ROOT}dist`;
/** What {@link OUT} was built from, so that `npm test` and `npm pack` don't build the same again. */
const MARK = `${ROOT}node_modules/.cache/pictl/built`;

/**
 * Packages that oclif imports at start but a release has no use for. Each answers as the real one would on the
 * path that is taken, or throws where that path can't be taken.
 */
const STUBS: Readonly<Record<string, string>> = {
  // Tells apart WSL and Windows shells, for the names of directories that pictl doesn't ask oclif for.
  "wsl-utils": `export const isWsl = false;
    export const powerShellPath = async () => { throw new Error("PowerShell is not supported"); };`,
  // Chooses among oclif plugins by pattern; pictl has no plugins.
  minimatch: `export const minimatch = () => { throw new Error("oclif plugins are not supported"); };`,
  // Finds commands when there is no manifest. Inside a package there always is one.
  tinyglobby: `export const glob = async () => {
    throw new Error("oclif.manifest.json is missing: run npm run build in a checkout, or install pictl again");
  };`,
  // Compares Node with oclif's own engines field; bin/run.js has refused older ones by then.
  semver: "export const satisfies = () => true; export default { satisfies };",
  // Reads tsconfig.json to run plugins from their sources. It is 7 MB.
  typescript: 'throw new Error("TypeScript plugins are not supported");',
};

const stubs: Plugin = {
  name: "stubs",
  setup(hooks) {
    const filter = new RegExp(`^(${Object.keys(STUBS).join("|")})$`);
    hooks.onResolve({ filter }, ({ path, importer }) =>
      importer.includes("/@oclif/core/") ? { path, namespace: "stub" } : undefined,
    );
    hooks.onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({ contents: STUBS[path] ?? "" }));
    // zod's index pulls in its messages in some fifty languages.
    hooks.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
      resolveDir: `${ROOT}node_modules/zod/v4/locales`,
    }));
  },
};

const common: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node22.19",
  logLevel: "warning",
  legalComments: "none",
};

await main();

async function main(): Promise<void> {
  const hash = sourceHash();
  if (existsSync(OUT) && existsSync(MARK) && readFileSync(MARK, "utf8") === hash) return;
  for (const old of [MARK, OUT]) rmSync(old, { recursive: true, force: true });
  mkdirSync(OUT);
  const commands = globSync("src/commands/**/*.ts", { cwd: ROOT });
  const split: BuildOptions = {
    ...common,
    plugins: [stubs],
    outbase: "src",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    // listr2 starts three times faster as its own files than bundled.
    external: ["listr2", "@earendil-works/*"],
    define: { __PICTL_BUILD__: JSON.stringify({ version: packageVersion(), build: hash }) },
    minifySyntax: true,
    minifyWhitespace: true,
    // What is bundled from CommonJS asks for Node's own modules with require.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  };
  await build({
    ...split,
    entryPoints: [
      ...commands,
      "src/lib/cli/main.ts",
      // oclif loads it by its path.
      "src/lib/cli/help/help-class.ts",
      "src/lib/daemon/main.ts",
      "src/lib/daemon/entry.ts",
      // A thread of the daemon's, loaded by its path.
      "src/lib/history/worker.ts",
    ],
    outdir: "dist",
  });
  // The same commands without oclif, for ordinary command lines (docs/decisions/0004).
  await build({
    ...split,
    entryPoints: commands,
    outdir: "dist/fast",
    alias: { "@oclif/core": "./src/lib/cli/fast/oclif.ts" },
  });
  await build({
    ...common,
    entryPoints: {
      "sandbox-listen": "src/lib/sandbox/inside/listen.ts",
      "sandbox-probe": "src/lib/sandbox/inside/probe.ts",
      "sandbox-check-runner": "src/lib/sandbox/check/runner.ts",
    },
    outdir: "dist",
  });
  await build({
    ...common,
    entryPoints: {
      "scripted-model": "src/lib/agent/scripted-model/extension.ts",
      "idle-cache-warming": "src/lib/agent/pi/idle-cache-warming.ts",
      "report-tools": "src/lib/agent/pi/report-tools.ts",
    },
    outdir: "dist",
    // pi gives an extension its own copy.
    external: ["@earendil-works/*"],
  });
  mkdirSync(dirname(MARK), { recursive: true });
  writeFileSync(MARK, hash);
}

function packageVersion(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
  return manifest.version;
}

/** What the build is made of: the sources, the locked dependencies and this script. */
function sourceHash(): string {
  const hash = createHash("sha256");
  const files = [...globSync("src/**/*.ts", { cwd: ROOT }).sort(), "package-lock.json", "scripts/build.ts"];
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(ROOT + file))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}
