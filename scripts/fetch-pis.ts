import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchedPiCli, fetchedPiDirectory, OTHER_PIS } from "../test/support/pis.ts";

/**
 * Fetches the supported pis that aren't bundled, for the tests that run with all of them, and prints the path of each
 * one's cli.js. Without a registry it says on stderr which ones are missing and exits 0: their tests are skipped.
 */
const PI = "@earendil-works/pi-coding-agent";
/** For some 15 MB; beyond it the registry counts as unreachable. */
const DOWNLOAD_TIMEOUT_MS = 120_000;
const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

for (const pi of OTHER_PIS) {
  if (!existsSync(fetchedPiCli(pi.version))) fetch(pi);
  if (existsSync(fetchedPiCli(pi.version))) process.stdout.write(`${fetchedPiCli(pi.version)}\n`);
}

function fetch({ version, integrity, needs }: (typeof OTHER_PIS)[number]): void {
  const destination = fetchedPiDirectory(version);
  mkdirSync(dirname(destination), { recursive: true });
  // Built aside and moved in one step, so that an interrupted run leaves nothing that looks complete.
  const staging = mkdtempSync(`${destination}-`);
  try {
    if (!unpack(staging, { name: PI, version, integrity }, join(staging, "package"))) return;
    for (const need of needs) {
      if (!unpack(staging, { ...need, version }, join(staging, "node_modules", need.name))) return;
    }
    // pi loads extensions with it; it is our devDependency.
    cpSync(join(modules, "jiti"), join(staging, "node_modules", "jiti"), { recursive: true });
    rmSync(destination, { recursive: true, force: true });
    renameSync(staging, destination);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** @returns false when the registry gave no tarball */
function unpack(
  staging: string,
  { name, version, integrity }: { name: string; version: string; integrity: string },
  target: string,
): boolean {
  const work = mkdtempSync(join(staging, "download-"));
  const tarball = download(work, `${name}@${version}`);
  if (tarball === undefined) return false;
  const actual = createHash("sha512").update(readFileSync(tarball)).digest("base64");
  if (actual !== integrity) throw new Error(`${name}@${version} has sha512 ${actual}, expected ${integrity}`);
  execFileSync("tar", ["-xzf", tarball, "-C", work], { stdio: ["ignore", "ignore", "inherit"] });
  mkdirSync(dirname(target), { recursive: true });
  renameSync(join(work, "package"), target);
  rmSync(work, { recursive: true });
  return true;
}

/** @returns the path of the tarball, or undefined when the registry gave none */
function download(directory: string, spec: string): string | undefined {
  try {
    execFileSync("npm", ["pack", spec, "--silent"], {
      cwd: directory,
      timeout: DOWNLOAD_TIMEOUT_MS,
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    process.stderr.write(`${spec} could not be fetched, the tests with it are skipped: ${reason}\n`);
    return undefined;
  }
  const name = readdirSync(directory).find((entry) => entry.endsWith(".tgz"));
  return name === undefined ? undefined : join(directory, name);
}
