import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { type PlaceDirectories, placeDirectories, removePlace } from "../support/between-starts/place.ts";
import { type Figures, type Life, life } from "../support/between-starts/sequence.ts";
import type { Said, Verdict } from "../support/between-starts/worker.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { LONG, scaled } from "../support/speed.ts";

const WORKER = fileURLToPath(new URL("../support/between-starts/worker.ts", import.meta.url));
/** Sequences of what an agent does between two starts. */
const SEQUENCES = Number(process.env.PICTL_FUZZ_SEQUENCES ?? (LONG ? 1_500 : 300));
/** A life takes half a second; this ends what hangs. */
const LIFE_TIMEOUT_MS = scaled(20_000);
/** No more lives are begun after this. */
const MAX_MS = scaled(LONG ? 40 * 60_000 : 5 * 60_000);
/** As long as that one that failed is made simpler. */
const SHRINKING_MS = scaled(2 * 60_000);

/** The process that runs lives. */
class Worker {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** Whether it has hung, and was ended. */
  isLost = false;
  figures: Figures = { sequences: 0, starts: 0, commands: 0, refused: {} };

  constructor({ root, temporary }: PlaceDirectories) {
    this.#child = fork(WORKER, [root, temporary], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
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
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), LIFE_TIMEOUT_MS);
    try {
      this.#child.send(life);
      const said = await Promise.race([verdict.promise, this.#ended.then(() => undefined)]);
      if (said !== undefined) this.figures = said.figures;
      else this.isLost = true;
      return said?.wrong ?? [`${step} has not ended within ${LIFE_TIMEOUT_MS} ms, or has ended its process`];
    } finally {
      clearTimeout(timer);
      this.#child.off("message", onMessage);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}

describe("what an agent does between two starts", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let directories: PlaceDirectories;
  let worker: Worker;
  before(() => {
    directories = placeDirectories();
    worker = new Worker(directories);
  });
  after(async () => {
    await worker.stop();
    await removePlace(directories);
  });

  const options = { timeout: MAX_MS + SHRINKING_MS + LIFE_TIMEOUT_MS };
  test(
    "lets nothing be read or changed that was not named, and nothing outside wait or grow",
    options,
    async (t) => {
      const begun = performance.now();
      let failed = false;
      const property = fc.asyncProperty(life, async (each) => {
        const enough = worker.figures.sequences >= SEQUENCES || performance.now() - begun > MAX_MS;
        // What hangs isn't made simpler, which would take for ever.
        if (worker.isLost || (enough && !failed)) return;
        const wrong = await worker.run(each);
        if (wrong.length === 0) return;
        failed = true;
        throw new Error(wrong.join("\n"));
      });
      const { seed, path } = repeated();
      const result = await fc.check(property, {
        numRuns: SEQUENCES,
        interruptAfterTimeLimit: MAX_MS + SHRINKING_MS,
        seed,
        ...(path === undefined ? {} : { path }),
      });
      const { sequences, starts, commands, refused } = worker.figures;
      t.diagnostic(`PICTL_FUZZ_SEED=${seed}: ${sequences} sequences, ${starts} starts, ${commands} commands`);
      t.diagnostic(`refused: ${JSON.stringify(refused)}`);
      if (result.failed)
        throw new Error(
          `PICTL_FUZZ_SEED=${seed} PICTL_FUZZ_PATH=${result.counterexamplePath}, after ${result.numRuns} lives and ${result.numShrinks} simplifications:\n${JSON.stringify(result.counterexample?.[0], null, 1)}`,
          { cause: result.errorInstance },
        );
      assert.ok(LONG || sequences >= SEQUENCES || path !== undefined, `only ${sequences} sequences`);
      assert.ok((refused.SANDBOX_CHANGED ?? 0) > 0, "no link was planted where something is started");
    },
  );
});

/** The short form runs the same sequences each time. `PICTL_FUZZ_SEED` and `PICTL_FUZZ_PATH` repeat what has failed. */
function repeated(): { seed: number; path?: string | undefined } {
  const { PICTL_FUZZ_SEED: seed, PICTL_FUZZ_PATH: path } = process.env;
  return { seed: Number(seed ?? (LONG ? Math.floor(Math.random() * 2 ** 31) : 12)), path };
}
