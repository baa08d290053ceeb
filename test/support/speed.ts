import { spawnSync } from "node:child_process";

/** What `node -e 0` takes on the machine on which the limits of the tests were chosen, while it is idle. */
const REFERENCE_MS = 25;
const SAMPLES = 5;
/** More would only make the tests that wait for a time-out of the product endless. */
const MAX_SLOWNESS = 20;

/** How many times longer a process takes here and now than on that machine: from 1 to 20. */
export function measureSlowness(): number {
  const samples = Array.from({ length: SAMPLES }, () => {
    const begun = performance.now();
    spawnSync(process.execPath, ["-e", "0"], { stdio: "ignore" });
    return performance.now() - begun;
  });
  const median = samples.sort((a, b) => a - b)[Math.floor(SAMPLES / 2)] ?? REFERENCE_MS;
  return Math.min(MAX_SLOWNESS, Math.max(1, median / REFERENCE_MS));
}

/** Slowness of this machine: measured by `scripts/test.ts`, or here when a file runs alone. */
const slowness = Number(process.env.PICTL_TEST_SLOWNESS) || measureSlowness();

/**
 * A limit for this machine. Every limit that only ends a test that hangs, or that the product must keep to, goes
 * through here, so that a verdict doesn't depend on speed.
 *
 * @param ms ample on an idle machine
 */
export function scaled(ms: number): number {
  return Math.ceil(ms * slowness);
}

/** Whether the long forms of the tests run: `npm run test:long`. */
export const LONG = process.env.PICTL_TEST_LONG === "1";
