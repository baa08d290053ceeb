import { execa } from "execa";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { PictlError } from "../../core/errors.ts";
import type { Environment } from "../../core/paths.ts";

const PACKAGE = "@earendil-works/pi-coding-agent";
/** `pi --version` takes 300 ms; a compiled one on a cold disk longer. */
const VERSION_TIMEOUT_MS = 10_000;

/** Remembers what was found out about a pi, so that nobody waits for it twice. */
export interface VersionCache {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

/**
 * The version of a pi, from the package.json above a script, else by running it once and remembering the
 * answer by path, size and time.
 *
 * @throws PictlError PI_NOT_FOUND when it doesn't say a version
 */
export async function piVersion(argv: readonly string[], path: string, env: Environment, cache: VersionCache): Promise<string> {
  const packaged = packagedVersion(path);
  if (packaged !== undefined) return packaged;
  const { size, mtimeMs } = statSync(path);
  const key = `${path}:${size}:${mtimeMs}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const version = await askVersion(argv, path, env);
  cache.set(key, version);
  return version;
}

function packagedVersion(path: string): string | undefined {
  for (let dir = dirname(realpathSync(path)); dir !== dirname(dir); dir = dirname(dir)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
      return name === PACKAGE && typeof version === "string" ? version : undefined;
    } catch {
      // No package.json here: go on upwards.
    }
  }
  return undefined;
}

async function askVersion([program = "", ...args]: readonly string[], path: string, env: Environment): Promise<string> {
  const result = await execa(program, [...args, "--version"], {
    env: env as Record<string, string>,
    extendEnv: false,
    stdin: "ignore",
    timeout: VERSION_TIMEOUT_MS,
    forceKillAfterDelay: 1_000,
    maxBuffer: 64 * 1024,
    reject: false,
  });
  const version = /^v?(\d+\.\d+\.\d+\S*)\s*$/.exec(result.stdout.trim())?.[1];
  if (version !== undefined) return version;
  const said = (result.stdout || result.stderr || result.shortMessage || "nothing").slice(0, 200);
  throw new PictlError("PI_NOT_FOUND", `${path} is not a pi that pictl can use: asked for its version it said: ${said}`, {
    hint: "Check PICTL_PI and agent.command, or unset them to use the pi that comes with pictl.",
    details: { path, exitCode: result.exitCode },
  });
}

/** Below zero when `a` is the older version. A pre-release is older than its release. */
export function compareVersions(a: string, b: string): number {
  const [aMain = "", aPre] = splitVersion(a);
  const [bMain = "", bPre] = splitVersion(b);
  const aParts = aMain.split(".").map(Number);
  const bParts = bMain.split(".").map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (aParts[i] ?? 0) - (bParts[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (aPre === bPre) return 0;
  if (aPre === undefined || bPre === undefined) return aPre === undefined ? 1 : -1;
  return aPre < bPre ? -1 : 1;
}

function splitVersion(version: string): [main: string, prerelease?: string] {
  const [plain = ""] = version.split("+", 1);
  const dash = plain.indexOf("-");
  return dash === -1 ? [plain] : [plain.slice(0, dash), plain.slice(dash + 1)];
}
