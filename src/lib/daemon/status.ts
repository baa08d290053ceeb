import { readFileSync, statSync } from "node:fs";
import type { BuildInfo } from "../core/build-info.ts";
import type { Config, Limits } from "../core/config.ts";
import type { Paths } from "../core/paths.ts";
import type { AgentStatus, DaemonStatus } from "../protocol/requests.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../session/sessions.ts";
import type { ClientLink } from "./client-link.ts";
import type { Figures } from "./figures.ts";

export interface StatusSources {
  build: BuildInfo;
  paths: Paths;
  config: Config;
  sessions: Sessions;
  clients: ReadonlySet<ClientLink>;
  figures: Figures;
  startedAt: number;
}

/** All that `pictl daemon status` shows. */
export function daemonStatus(sources: StatusSources): DaemonStatus {
  const { build, paths, config, sessions, clients, figures, startedAt } = sources;
  const all = sessions.all();
  const spares = sessions.spareAgents();
  const states: DaemonStatus["states"] = {};
  for (const { state } of all) states[state] = (states[state] ?? 0) + 1;
  const queues = all
    .filter((session) => session.queued > 0)
    .map((session) => ({ sessionId: session.id, waiting: session.queued }));
  return {
    pid: process.pid,
    ...build,
    protocolVersion: PROTOCOL_VERSION,
    startedAt,
    uptimeMs: Date.now() - startedAt,
    memoryBytes: process.memoryUsage.rss(),
    socket: paths.socket,
    log: paths.log,
    logLevel: config.daemon.logLevel,
    connections: clients.size,
    sessions: all.length,
    states,
    agents: all.flatMap(agentStatus),
    spareAgents: spares.map((pid) => ({ pid, ...memoryOf(pid) })),
    queued: queues.reduce((sum, { waiting }) => sum + waiting, 0),
    queues,
    waitingForAgent: sessions.waitingForAgent(),
    idleTimeoutMs: config.daemon.idleTimeoutMs,
    drainTimeoutMs: config.daemon.drainTimeoutMs,
    limits: limitsOf(config.limits, {
      max_live_agents: all.filter(({ agentPid }) => agentPid !== undefined).length + spares.length,
      spare_agents: spares.length,
      max_sessions: all.length,
      max_connections: clients.size,
      max_pending_requests: Math.max(0, ...[...clients].map(({ pending }) => pending)),
      max_waiting_prompts: Math.max(0, ...queues.map(({ waiting }) => waiting)),
      max_log_bytes: statSync(paths.log, { throwIfNoEntry: false })?.size ?? 0,
    }),
    requests: { ...figures.requests },
    turns: { ...sessions.turns },
    agentsStarted: sessions.starter.figures.started,
    agentsEnded: sessions.starter.figures.ended,
  };
}

function agentStatus(session: Session): AgentStatus[] {
  const { id, agentPid: pid, state } = session;
  if (pid === undefined) return [];
  return [
    {
      sessionId: id,
      pid,
      state,
      ...memoryOf(pid),
      ...(state === "idle" ? { idleSince: session.record.usedAt } : {}),
    },
  ];
}

/** From /proc/<pid>/status and not statm, which counts in pages of a size that Node doesn't tell. */
function memoryOf(pid: number): { memoryBytes?: number } {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kilobytes === undefined ? {} : { memoryBytes: Number(kilobytes) * 1024 };
  } catch {
    // No /proc here, or it has ended.
    return {};
  }
}

/** The limits under the names of `config.toml`: `parkAfterMs` is `park_after` there. */
function limitsOf(limits: Limits, used: Record<string, number>): DaemonStatus["limits"] {
  return Object.fromEntries(
    Object.entries(limits).map(([name, value]) => {
      const key = name.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [key, { value, ...(used[key] === undefined ? {} : { used: used[key] }) }];
    }),
  );
}
