import assert from "node:assert/strict";
import { test } from "node:test";
import { colorsFor } from "../../../../../src/lib/cli/render/color.ts";
import { renderDaemonStatus } from "../../../../../src/lib/cli/render/daemon-status.ts";
import type { DaemonStatus } from "../../../../../src/lib/protocol/requests.ts";

const NOW = 1_000_000_000;
const ID = "4b21f48b-37e8-4325-89e9-c1c7a3990a9c";

const status: DaemonStatus = {
  pid: 123456,
  version: "10.20.30",
  build: "0123456789abcdef",
  protocolVersion: "1.0",
  startedAt: NOW - 90_000,
  uptimeMs: 90_000,
  memoryBytes: 61e6,
  socket: "/run/user/1000/pictl/daemon.sock",
  log: "/var/log/daemon.log",
  logLevel: "info",
  connections: 2,
  sessions: 10_000,
  states: { working: 8, waiting: 7, compacting: 6, starting: 5, idle: 4, parked: 9_000, stopped: 970 },
  agents: [
    { sessionId: ID, pid: 4_194_303, state: "compacting", memoryBytes: 1_234.5e6 },
    { sessionId: "0ddc0ffe-37e8-4325-89e9-c1c7a3990a9c", pid: 7, state: "idle", idleSince: NOW - 150_000 },
  ],
  spareAgents: [{ pid: 99, memoryBytes: 90e6 }],
  queued: 3,
  queues: [{ sessionId: ID, waiting: 3 }],
  waitingForAgent: [{ sessionId: "aaaaaaaa-37e8-4325-89e9-c1c7a3990a9c", since: NOW - 12_000 }],
  idleTimeoutMs: 0,
  drainTimeoutMs: 30_000,
  limits: {
    max_session_requests_per_minute: { value: 600 },
    park_after: { value: 0 },
    question_lifetime: { value: 86_400_000 },
    max_history_bytes: { value: 16_777_216 },
    max_sessions: { value: 10_000, used: 9_999 },
  },
  requests: { received: 1_000_000, answered: 999_000, failed: 900, dropped: 100 },
  turns: { started: 9, completed: 5, failed: 1, aborted: 2, truncated: 0, died: 1, handled: 0 },
  agentsStarted: 12,
  agentsEnded: 9,
};

test("shows everything within 80 columns", async () => {
  const text = renderDaemonStatus(status, await colorsFor(process.stdout), NOW);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  for (const part of [
    /^Sessions: +10000: 8 working, 7 waiting, 6 compacting, 5 starting$/m,
    /^At rest: +4 idle, 9\.0k parked, 970 stopped$/m,
    /^Agents: +3: 1 spare$/m,
    /^Turns: +9: 1 failed, 2 aborted, 1 died$/m,
    /^4194303 +4b21f48b +compacting +1234\.5 MB +-$/m,
    /^ +7 +0ddc0ffe +idle +- +2m$/m,
    /^ +99 +- +spare +90\.0 MB +-$/m,
    /^4b21f48b +a turn: 3 prompts$/m,
    /^aaaaaaaa +an agent: 12s$/m,
    /^park_after +- +never$/m,
    /^question_lifetime +- +1d$/m,
    /^max_history_bytes +- +16\.8 MB$/m,
    /^max_sessions +9999 +10000$/m,
  ]) {
    assert.match(text, part);
  }
});

test("an idle daemon has no empty tables", async () => {
  const idle = { ...status, agents: [], spareAgents: [], queued: 0, queues: [], waitingForAgent: [] };
  assert.doesNotMatch(renderDaemonStatus(idle, await colorsFor(process.stdout), NOW), /AGENT|WAITS|Queued/);
});
