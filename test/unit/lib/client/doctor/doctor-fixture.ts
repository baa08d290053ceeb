import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { DaemonFacts, DoctorFacts } from "../../../../../src/lib/client/doctor/facts.ts";
import { resolvePaths } from "../../../../../src/lib/core/paths.ts";

/** A directory of the test's own, removed at its end. */
export function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "pictl-doctor-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const OWN = { version: "1.2.0", build: "abc" };

export const RUNNING = {
  state: "running",
  pid: 4711,
  ...OWN,
  pi: { path: "/usr/bin/pi", version: "1.5.2", source: "PATH", reason: "It is the first pi on PATH." },
  orphans: [],
} as const satisfies DaemonFacts;

/** A machine on which all is well. */
export function healthyFacts(root: string): DoctorFacts {
  const env = {
    HOME: root,
    PICTL_HOME: join(root, "home"),
    OPENAI_API_KEY: "plain-secret-value",
    PATH: "/usr/bin",
  };
  return {
    env,
    cwd: root,
    paths: resolvePaths(env),
    node: { version: "24.21.0", path: "/usr/bin/node" },
    own: OWN,
    package: "/usr/lib/node_modules/pictl",
    agentPlaces: [],
    daemon: RUNNING,
    limits: {
      shell: { nofile: [1024, 1024] },
      daemon: { nofile: [1024, 4096] },
      prlimit: "/usr/bin/prlimit",
    },
  };
}
