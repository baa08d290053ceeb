import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../core/errors.ts";
import type { Environment } from "../../core/paths.ts";
import { sha256 } from "../../core/sha256.ts";
import type { PiCommand } from "../pi/pi-command.ts";
import { runBriefly } from "../pi/run-briefly.ts";

/** Starting pi takes a third of a second; this is for a machine that has other things to do. */
const MAKE_TIMEOUT_MS = 30_000;
/** Where V8's part is found inside. */
const INSIDE = "/run/pictl/compile-cache";

/** What makes a start quicker: variables, and files that are to be found elsewhere than they are. */
export interface CompileCache {
  variables: Record<string, string>;
  mounts: Record<string, string>;
}

/**
 * What V8 has compiled of pi, for agents in sandboxes: pi keeps it in the temporary directory, which a sandbox has
 * anew each time, and making it costs half of a start (docs/performance.md). It is made outside, by a pi without
 * sessions, settings or anybody's extensions, and is read-only inside: what an agent has made must not run outside.
 */
export class CompileCaches {
  readonly #dir: string;
  readonly #extension: string;
  readonly #making = new Map<string, Promise<void>>();

  /**
   * @param dir private directory that survives the daemon
   * @param extension the scripted model's, so that what translates extensions is compiled too
   */
  constructor(dir: string, extension: string) {
    this.#dir = dir;
    this.#extension = extension;
  }

  /** That of a pi, or undefined when there is none yet; it is then made for the next one who asks. */
  of(pi: Pick<PiCommand, "argv" | "version">, environment: Environment): CompileCache | undefined {
    const { mtimeMs } = statSync(this.#extension);
    const parts = [pi.argv, pi.version, process.version, this.#extension, mtimeMs];
    const key = sha256(JSON.stringify(parts)).slice(0, 16);
    const path = join(this.#dir, key);
    if (existsSync(path)) return found(path);
    if (!this.#making.has(key)) this.#making.set(key, make(path, pi.argv, this.#extension, environment));
    return undefined;
  }

  /** Resolves when nothing is being made any more. Bounded. */
  async settled(): Promise<void> {
    await Promise.all(this.#making.values());
  }
}

function found(path: string): CompileCache {
  return { variables: { NODE_COMPILE_CACHE: INSIDE }, mounts: { [INSIDE]: join(path, "v8") } };
}

async function make(
  path: string,
  argv: readonly string[],
  extension: string,
  { PATH, LANG }: Environment,
): Promise<void> {
  let directory: string | undefined;
  try {
    mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
    directory = mkdtempSync(`${path}-`);
    const made = join(directory, "made");
    const agentDir = join(directory, "agent");
    for (const each of [made, agentDir]) mkdirSync(each);
    // Without stdin, pi in RPC mode starts whole and ends.
    await runBriefly(
      [...argv, "--mode", "rpc", "--no-session", "--no-approve", "-e", extension, "--model", "scripted/echo"],
      {
        PATH,
        LANG,
        HOME: agentDir,
        TMPDIR: made,
        PI_CODING_AGENT_DIR: agentDir,
        PI_OFFLINE: "1",
        NODE_COMPILE_CACHE: join(made, "v8"),
      },
      MAKE_TIMEOUT_MS,
    );
    if (existsSync(join(made, "v8"))) renameSync(made, path);
  } catch (error) {
    // A full disk, or another daemon of this place that was quicker: it is only for speed.
    if (systemErrorCode(error) === undefined) throw error;
  } finally {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }
}
