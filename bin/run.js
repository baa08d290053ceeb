#!/bin/sh
":" //; self=$0; while [ -h "$self" ]; do to=$(readlink "$self"); case $to in /*) self=$to ;; *) self=${self%/*}/$to ;; esac; done; root=${self%/*}/..; case $(uname -m) in x86_64) cpu=x64 ;; aarch64 | arm64) cpu=arm64 ;; *) cpu=none ;; esac; for node in "$root/node_modules/node-linux-$cpu/bin/node" "$root/../node-linux-$cpu/bin/node"; do [ -x "$node" ] && exec "$node" --disable-warning=ExperimentalWarning "$self" "$@"; done; exec node --disable-warning=ExperimentalWarning "$self" "$@"
// The lines above are both sh and JavaScript: sh hands over to the Node that came with the package, whatever
// Node is first on PATH. It costs a few milliseconds where starting a second Node from JavaScript costs sixty.
// No static import of ours may stand here: an older Node would fail on it before it could say anything.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

const NEEDED = [22, 19];
const ROOT = fileURLToPath(new URL("..", import.meta.url));

function isTooOld(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]);
}

/** Runs this command on the Node that came with the package, for whoever called `node bin/run.js` directly. */
function handOver() {
  const name = `node-linux-${process.arch}`;
  const candidates = [`${ROOT}node_modules/${name}/bin/node`, `${ROOT}../${name}/bin/node`];
  const node = process.platform === "linux" ? candidates.find((path) => existsSync(path)) : undefined;
  if (node === undefined) {
    process.stderr.write(
      `Error: pictl needs Node >= ${NEEDED.join(".")}; this is ${process.version} (${process.execPath}). ` +
        "Install a newer Node, or reinstall pictl without --omit=optional to get one with it.\n",
    );
    process.exitCode = 1;
    return;
  }
  const args = ["--disable-warning=ExperimentalWarning", fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: "inherit" });
  // A terminal sends its signals to both; the child decides what they mean, and this process ends after it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("close", (code, signal) => {
    if (signal === null) process.exitCode = code ?? 1;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}

if (isTooOld(process.versions.node)) {
  handOver();
} else if (existsSync(`${ROOT}dist/lib/cli/main.js`)) {
  nodeModule.enableCompileCache();
  const { main } = await import("../dist/lib/cli/main.js");
  await main(process.argv.slice(2), ROOT);
} else {
  process.stderr.write("Error: pictl is not built yet. Run: npm run build\n");
  process.exitCode = 1;
}
