import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OrdinaryUser } from "../ordinary-user.ts";
import { type PlaceDirectories, placeDirectories } from "./place.ts";
import type { Figures, Life } from "./sequence.ts";
import type { Said, Verdict } from "./worker.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** Whose agents they are: of whoever runs the tests, or of an ordinary user. */
export interface Owner {
  directories: PlaceDirectories;
  fork(): ChildProcess;
  remove(): void;
}

export function ownerHere(): Owner {
  const directories = placeDirectories();
  return {
    directories,
    fork: () =>
      fork(WORKER, [directories.root, directories.temporary], { stdio: ["ignore", "pipe", "pipe", "ipc"] }),
    remove: () => remove(directories),
  };
}

/** The worker is put into one file beside the user's copy of pictl: a checkout may lie where only root may go. */
export async function ordinaryOwner(): Promise<Owner> {
  const user = new OrdinaryUser();
  const directories = placeDirectories(user.home);
  user.own(directories.root, directories.temporary);
  const { build } = await import("esbuild");
  const worker = join(user.home, "package/dist/between-starts.js");
  await build({
    entryPoints: [WORKER],
    outfile: worker,
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["listr2", "@earendil-works/*", "@oclif/*", "typescript"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  const { PICTL_TEST_LONG, PICTL_TEST_SLOWNESS } = process.env;
  return {
    directories,
    fork: () =>
      user.fork(worker, [directories.root, directories.temporary], { PICTL_TEST_LONG, PICTL_TEST_SLOWNESS }),
    remove: () => {
      remove(directories);
      user.remove();
    },
  };
}

function remove({ root, temporary }: PlaceDirectories): void {
  for (const path of [root, temporary]) rmSync(path, { recursive: true, force: true });
}

/** Has lives run in another process. */
export class Runner {
  readonly #owner: Owner;
  readonly #limitMs: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** Whether the process has hung, and was ended. */
  isLost = false;
  figures: Figures = { sequences: 0, starts: 0, commands: 0, refused: {} };

  /** @param limitMs ends a life that hangs */
  constructor(owner: Owner, limitMs: number) {
    this.#owner = owner;
    this.#limitMs = limitMs;
    this.#child = owner.fork();
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.pipe(process.stderr);
    this.#ended = once(this.#child, "exit");
  }

  /** @returns sentences on what is wrong */
  async run(life: Life): Promise<string[]> {
    let step = "nothing";
    const verdict = Promise.withResolvers<Verdict>();
    const onMessage = (said: Said) => {
      if ("step" in said) step = said.step;
      else verdict.resolve(said);
    };
    this.#child.on("message", onMessage);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), this.#limitMs);
    try {
      this.#child.send(life);
      const said = await Promise.race([verdict.promise, this.#ended.then(() => undefined)]);
      if (said !== undefined) this.figures = said.figures;
      else this.isLost = true;
      return said?.wrong ?? [`${step} has not ended within ${this.#limitMs} ms, or has ended its process`];
    } finally {
      clearTimeout(timer);
      this.#child.off("message", onMessage);
    }
  }

  /** Ends the process, which takes the place away with all that runs there. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
    if (!this.isLost) return this.#owner.remove();
    this.isLost = false;
    await new Runner(this.#owner, this.#limitMs).stop();
  }
}
