import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { cutText } from "../../core/cut-text.ts";
import { PictlError } from "../../core/errors.ts";
import type { Environment } from "../../core/paths.ts";
import { createRedactor } from "../../core/redact.ts";
import { runBriefly } from "./run-briefly.ts";

const PACKAGE = "@earendil-works/pi-coding-agent";
/** `pi --version` takes 300 ms; a compiled one on a cold disk longer. */
const VERSION_TIMEOUT_MS = 10_000;
/** What of the output an error shows. */
const SHOWN_OUTPUT = 200;

/** Remembers what was found out about a pi, so that nobody waits for it twice. */
export interface VersionCache {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

/**
 * The version of a pi: from the package.json above it, else by running it once and remembering the answer by
 * path, size and time. A wrapper whose target changed while it stayed the same is remembered with the old
 * version; `touch` makes pictl ask again.
 *
 * @param argv program and leading arguments that run this pi
 * @throws PictlError PI_NOT_FOUND when it doesn't say a version
 */
export async function piVersion(
  argv: readonly string[],
  path: string,
  env: Environment,
  cache: VersionCache,
  timeoutMs = VERSION_TIMEOUT_MS,
): Promise<string> {
  const packaged = packagedVersion(path);
  if (packaged !== undefined) return packaged;
  const { size, mtimeMs } = statSync(path);
  // With its arguments: a configured command may be `docker` or `ssh`, where they say which pi.
  const key = JSON.stringify([path, size, mtimeMs, ...argv.slice(1)]);
  const known = cache.get(key);
  if (known !== undefined) return known;
  const version = await askVersion(argv, path, env, timeoutMs);
  cache.set(key, version);
  return version;
}

/** The nearest package.json decides: a wrapper inside another package is that package's own program. */
function packagedVersion(path: string): string | undefined {
  for (let dir = dirname(realpathSync(path)); ; dir = dirname(dir)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
      return name === PACKAGE && typeof version === "string" ? version : undefined;
    } catch {
      // No readable package.json here: go on upwards.
    }
    if (dir === dirname(dir)) return undefined;
  }
}

async function askVersion(
  argv: readonly string[],
  path: string,
  env: Environment,
  timeoutMs: number,
): Promise<string> {
  const ran = await runBriefly([...argv, "--version"], env, timeoutMs);
  // A line of its own: a wrapper may say something else before it.
  const version = /^v?(\d+\.\d+\.\d+(?:[-+][\w.+-]*)?)\s*$/m.exec(ran.stdout)?.[1];
  if (version !== undefined && ran.ended === "with exit code 0") return version;
  const output = createRedactor(env)(ran.stdout.trim() || ran.stderr.trim() || "nothing");
  const said = cutText(output, SHOWN_OUTPUT);
  throw new PictlError(
    "PI_NOT_FOUND",
    `${path} is not a pi that pictl can use: \`--version\` ended ${ran.ended} and said: ${said}`,
    {
      hint: "Check PICTL_PI and agent.command, or unset them to use the pi that comes with pictl.",
      details: { path, ended: ran.ended },
    },
  );
}
