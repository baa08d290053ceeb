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
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Prints the path of the cli.js of a newer pi, for the tests that run against both. It can't be a dependency
 * beside the other one, and comes as its bare tarball: pi's own code is bundled in it, and jiti, which it loads
 * extensions with, is our devDependency. Without a registry it says so on stderr, prints nothing and exits 0.
 */
const VERSION = "1.5.2";
const INTEGRITY = "mUWI04rqF1Vd/m1q+Ps1XeWsTXEVvRUnsmRa83I3Dzua0Tx5bYS93imeqtIfrXf7PkkaR6ERz+AuQhIJlom5yA==";
/** For some 15 MB; beyond it the registry counts as out of reach. */
const DOWNLOAD_TIMEOUT_MS = 120_000;

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
const place = join(modules, ".cache", "pictl", `pi-${VERSION}`);
const cli = join(place, "package", "dist", "bundle", "cli.js");
if (!existsSync(cli)) fetchInto(place);
if (existsSync(cli)) process.stdout.write(`${cli}\n`);

function fetchInto(destination: string): void {
  mkdirSync(join(modules, ".cache", "pictl"), { recursive: true });
  // Built aside and moved in one step, so that an interrupted run leaves nothing that looks complete.
  const staging = mkdtempSync(`${destination}-`);
  try {
    const tarball = download(staging);
    if (tarball === undefined) return;
    const actual = createHash("sha512").update(readFileSync(tarball)).digest("base64");
    if (actual !== INTEGRITY) throw new Error(`pi ${VERSION} has sha512 ${actual}, expected ${INTEGRITY}`);
    execFileSync("tar", ["-xzf", tarball, "-C", staging], { stdio: ["ignore", "ignore", "inherit"] });
    rmSync(tarball);
    cpSync(join(modules, "jiti"), join(staging, "node_modules", "jiti"), { recursive: true });
    rmSync(destination, { recursive: true, force: true });
    renameSync(staging, destination);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** @returns the path of the tarball, or undefined when the registry gave none */
function download(directory: string): string | undefined {
  try {
    execFileSync("npm", ["pack", `@earendil-works/pi-coding-agent@${VERSION}`, "--silent"], {
      cwd: directory,
      timeout: DOWNLOAD_TIMEOUT_MS,
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    process.stderr.write(`pi ${VERSION} could not be fetched, its tests are skipped: ${reason}\n`);
    return undefined;
  }
  const name = readdirSync(directory).find((entry) => entry.endsWith(".tgz"));
  return name === undefined ? undefined : join(directory, name);
}
