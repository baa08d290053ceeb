import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { type Owner, ordinaryOwner, ownerHere, Runner } from "../support/between-starts/runner.ts";
import { life } from "../support/between-starts/sequence.ts";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { LONG, scaled } from "../support/speed.ts";

/** Sequences of what an agent does between two starts. */
const SEQUENCES = Number(process.env.PICTL_FUZZ_SEQUENCES ?? (LONG ? 1_000 : 160));
/** Of these so many are an ordinary user's in the long form. */
const ORDINARY_SHARE = 0.3;
/** So many lives are run to make one that failed simpler. */
const MAX_SIMPLIFICATIONS = Number(process.env.PICTL_FUZZ_SIMPLIFICATIONS ?? 100);
/** A life takes half a second. This ends what hangs, also where the machine is held up for minutes. */
const LIFE_LIMIT_MS = scaled(5 * 60_000);
const isRoot = process.getuid?.() === 0;

describe("what an agent does between two starts", { skip: WITHOUT_BUBBLEWRAP }, () => {
  const options = { timeout: (SEQUENCES + MAX_SIMPLIFICATIONS) * scaled(10_000) };
  const ordinary = LONG && isRoot ? Math.round(SEQUENCES * ORDINARY_SHARE) : 0;
  test("lets nothing be read or changed that was not named, and nothing outside wait or grow", options, (t) =>
    runLives(t, ownerHere(), SEQUENCES - ordinary),
  );
  test(
    "does no more where an ordinary user starts it",
    {
      ...options,
      skip: ordinary === 0 && "the long form alone does this, as root",
    },
    async (t) => runLives(t, await ordinaryOwner(), ordinary),
  );
});

/** Fails with the simplest life found in which something is wrong. */
async function runLives(t: TestContext, owner: Owner, wanted: number): Promise<void> {
  const runner = new Runner(owner, LIFE_LIMIT_MS);
  let failedAt: number | undefined;
  let simplified = 0;
  const property = fc.asyncProperty(life, async (each) => {
    // What hangs isn't made simpler, which would take for ever.
    if (runner.isLost) return;
    if (failedAt === undefined ? runner.figures.sequences >= wanted : simplified++ >= MAX_SIMPLIFICATIONS)
      return;
    const wrong = await runner.run(each);
    if (wrong.length === 0) return;
    failedAt ??= runner.figures.sequences;
    throw new Error(wrong.join("\n"));
  });
  try {
    const { seed, path } = repeated();
    // A life has a sequence at least.
    const result = await fc.check(property, {
      numRuns: wanted,
      seed,
      ...(path === undefined ? {} : { path }),
    });
    const { sequences, starts, commands, refused } = runner.figures;
    t.diagnostic(`PICTL_FUZZ_SEED=${seed}: ${sequences} sequences, ${starts} starts, ${commands} commands`);
    t.diagnostic(`refused: ${JSON.stringify(refused)}`);
    if (result.failed)
      throw new Error(
        `PICTL_FUZZ_SEED=${seed} PICTL_FUZZ_PATH=${result.counterexamplePath}, after ${failedAt} sequences and ${simplified} simplifications:\n${JSON.stringify(result.counterexample?.[0], null, 1)}`,
        { cause: result.errorInstance },
      );
    assert.ok(sequences >= wanted || path !== undefined, `only ${sequences} sequences`);
    assert.ok(
      (refused.SANDBOX_CHANGED ?? 0) > 0 || path !== undefined,
      "no link was planted where something is started",
    );
  } finally {
    await runner.stop();
  }
}

/** The short form runs the same sequences each time. `PICTL_FUZZ_SEED` and `PICTL_FUZZ_PATH` repeat what has failed. */
function repeated(): { seed: number; path?: string | undefined } {
  const { PICTL_FUZZ_SEED: seed, PICTL_FUZZ_PATH: path } = process.env;
  return { seed: Number(seed ?? (LONG ? Math.floor(Math.random() * 2 ** 31) : 12)), path };
}
