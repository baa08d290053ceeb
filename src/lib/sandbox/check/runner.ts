import { once } from "node:events";
import { readFileSync } from "node:fs";
import { finished } from "node:stream/promises";
import { toPictlError } from "../../core/errors.ts";
import type { ProviderHost } from "../gate/access.ts";
import { Gate } from "../gate/gate.ts";
import type { ProbeJob } from "../inside/probe.ts";
import { sandboxDirectory } from "../own-places.ts";
import { Sandbox, type SandboxGaps, type SandboxSetup } from "../sandbox.ts";

/**
 * Makes one sandbox and runs the probe in it. A process of its own, so that what it inherits is what a daemon may
 * inherit from a careless shell: a key in its environment, and a file left open. Its job comes on stdin; what the
 * probe prints goes to stdout, and at last a line of its own.
 */

export interface RunnerJob {
  setup: Omit<SandboxSetup, "wayOut" | "without" | "environment" | "dir">;
  /** In which the sandbox gets a directory of its own. */
  runtimeDir: string;
  without: SandboxGaps;
  /** The gate's rules; none where the policy's network has no gate. */
  gate: { hosts: readonly ProviderHost[]; addresses: Readonly<Record<string, string>> } | undefined;
  /** Command of the probe, and its input. */
  command: readonly string[];
  job: ProbeJob;
}

/** The last line. */
export type RunnerEnd =
  | { end: { code: number | null; signal: string | null; stderr: string; hasControlGroup: boolean } }
  | { error: ReturnType<ReturnType<typeof toPictlError>["toBody"]> };

/** What the probe says in vain is cut here. */
const MAX_STDERR_CHARS = 4_000;

await main().catch((error: unknown) => say({ error: toPictlError(error).toBody() }));

async function main(): Promise<void> {
  const { setup, runtimeDir, without, gate, command, job }: RunnerJob = JSON.parse(readFileSync(0, "utf8"));
  const wayOut =
    gate &&
    new Gate({
      network: setup.policy.network,
      hosts: [...gate.hosts],
      // No name of the check is asked for outside of it.
      lookup: async (host) => {
        const address = gate.addresses[host];
        return address === undefined ? [] : [{ address, family: 4 }];
      },
      onLog: () => {},
    });
  const sandbox = new Sandbox({
    ...setup,
    dir: sandboxDirectory(runtimeDir),
    environment: process.env,
    wayOut,
    without,
  });
  try {
    const child = sandbox.spawn(command, setup.workspace, ["pipe", "pipe", "pipe"]);
    let stderr = "";
    child.stdout?.pipe(process.stdout, { end: false });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      stderr = (stderr + chunk).slice(-MAX_STDERR_CHARS);
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(JSON.stringify(job));
    // Not "close": Node emits none where the channel, by which the gate's port came out, was closed on this side.
    const [[code, signal]] = await Promise.all([
      once(child, "exit") as Promise<[number | null, string | null]>,
      child.stdout && finished(child.stdout),
      child.stderr && finished(child.stderr),
      sandbox.statusTold(),
    ]);
    const failure = sandbox.failure(stderr);
    if (failure !== undefined) throw failure;
    say({ end: { code, signal, stderr, hasControlGroup: sandbox.hasControlGroup } });
  } finally {
    await sandbox.close();
  }
}

function say(end: RunnerEnd): void {
  process.stdout.write(`${JSON.stringify(end)}\n`);
}
