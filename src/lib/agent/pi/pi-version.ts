import { realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { cutText } from "../../core/cut-text.ts";
import { PictlError } from "../../core/errors.ts";
import { lastWordsOf } from "../../core/last-words.ts";
import type { Environment } from "../../core/paths.ts";
import { readPiFile } from "../../core/pi-files.ts";
import { createRedactor } from "../../core/redact.ts";
import { runBriefly } from "./run-briefly.ts";

const PACKAGE = "@earendil-works/pi-coding-agent";
/** `pi --version` takes 300 ms; a busy machine or a cold disk may need a hundred times that. */
const VERSION_TIMEOUT_MS = 30_000;
/** What was read from a cold disk is in memory the next time. */
const ATTEMPTS = 2;
/** What of the output an error shows. */
const SHOWN_OUTPUT = 600;

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
 * @throws PictlError PI_NOT_FOUND when it doesn't say a version, TIMEOUT when it doesn't answer in time
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
      const { name, version } = JSON.parse(readPiFile(join(dir, "package.json")));
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
  let ran = await runBriefly([...argv, "--version"], env, timeoutMs);
  for (let attempt = 1; ran.timedOut && attempt < ATTEMPTS; attempt++)
    ran = await runBriefly([...argv, "--version"], env, timeoutMs);
  if (ran.timedOut) {
    throw new PictlError(
      "TIMEOUT",
      `${path} did not answer \`--version\` within ${timeoutMs / 1000} s, in ${ATTEMPTS} attempts.`,
      {
        hint: "The machine may be busy: try again. Or check PICTL_PI and agent.command: it may be no pi.",
        details: { path, timeoutMs, attempts: ATTEMPTS },
        retryable: true,
      },
    );
  }
  // A line of its own: a wrapper may say something else before it.
  const version = /^v?(\d+\.\d+\.\d+(?:[-+][\w.+-]*)?)\s*$/m.exec(ran.stdout)?.[1];
  if (version !== undefined && ran.ended === "with exit code 0") return version;
  const output = createRedactor(env)(ran.stdout.trim() || ran.stderr.trim() || "nothing");
  const said = cutText(lastWordsOf(output), SHOWN_OUTPUT);
  throw new PictlError(
    "PI_NOT_FOUND",
    `${path} is not a pi that pictl can use: \`--version\` ended ${ran.ended} and said: ${said}`,
    {
      hint: "Check PICTL_PI and agent.command, or unset them to use the pi that comes with pictl.",
      details: { path, ended: ran.ended },
    },
  );
}
