import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "../src/lib/client/client.ts";
import { resolvePaths } from "../src/lib/core/paths.ts";
import type { Place } from "./place.ts";

/** Soon, so that a round needn't wait; its agent is then a spare. */
const PARK_AFTER = "50ms";

/** A parked session with a history, and the two ways to it. Both end with the answer to `get_state`. */
export interface ParkedSession {
  /** Waits until it is parked and a spare is there, and nothing of the round before runs any more. */
  prepare(): Promise<void>;
  resume(): Promise<void>;
  startPi(): Promise<void>;
  end(): Promise<void>;
}

export async function parkedSession(place: Place): Promise<ParkedSession> {
  const paths = resolvePaths(place.env);
  mkdirSync(paths.configDir, { recursive: true });
  writeFileSync(paths.config, `[limits]\npark_after = "${PARK_AFTER}"\n`);
  const answer = await place.pictl("prompt", "--new", "--json", "--model", "scripted/echo", "hello");
  const { sessionId } = JSON.parse(answer) as { sessionId: string };
  const client = await Client.connect(place.socket);
  if (client === undefined) throw new Error("no daemon runs");
  client.introduce("0.0.0-bench", place.env);
  const { session } = await client.request("get_session", { sessionId });
  const { file = "" } = session;
  let pi: ChildProcess | undefined;
  const endPi = async () => {
    if (pi === undefined || pi.exitCode !== null) return;
    pi.stdin?.end();
    await once(pi, "exit");
  };
  return {
    async prepare() {
      await endPi();
      for (;;) {
        const { agents, spareAgents } = await client.request("get_daemon_status", {});
        if (agents.length === 0 && spareAgents.length > 0) return;
        await delay(5);
      }
    },
    async resume() {
      await client.command("get_state", { sessionId });
    },
    async startPi() {
      pi = place.piRpc("scripted/echo", ["--session", file]);
      pi.stdin?.write('{"type":"get_state"}\n');
      if (pi.stdout) await once(pi.stdout, "data");
    },
    async end() {
      await endPi();
      const { agentsStarted } = await client.request("get_daemon_status", {});
      client.close();
      // The first prompt's, and at most some that were warmed up: else pi was started and not resumed.
      if (agentsStarted > 5)
        throw new Error(`${agentsStarted} agents were started, so sessions weren't resumed`);
    },
  };
}
