import { formatAge, formatDuration } from "../../core/duration.ts";
import type { AgentStatus, DaemonStatus } from "../../protocol/requests.ts";
import type { Colors } from "./color.ts";
import { alignColumns } from "./columns.ts";
import { renderDetails } from "./details.ts";
import { compactNumber, megabytes, shortPath, timeOf } from "./numbers.ts";
import { shortIds } from "./short-ids.ts";

/** Limits that are times; the others are sizes, by their names, or numbers of things. */
const TIMES: ReadonlySet<string> = new Set(["park_after", "question_lifetime", "agent_silence"]);

const AT_REST: ReadonlySet<string> = new Set(["idle", "parked", "stopped"]);

/** A running daemon: facts, its agents, what waits, and its limits. Each line has 80 columns at most, paths aside. */
export function renderDaemonStatus(status: DaemonStatus, colors: Colors, now = Date.now()): string {
  const ids = shortIds([
    ...status.agents.map(({ sessionId }) => sessionId),
    ...status.queues.map(({ sessionId }) => sessionId),
    ...status.waitingForAgent.map(({ sessionId }) => sessionId),
  ]);
  const id = (sessionId: string) => ids.get(sessionId) ?? sessionId;
  const parts = [
    facts(status, colors),
    table(
      ["AGENT", "SESSION", "STATE", "MEMORY", "IDLE"],
      [
        ...status.agents.map((agent) => agentRow(agent, id(agent.sessionId), now)),
        ...status.spareAgents.map((spare) => agentRow({ ...spare, state: "spare" }, "-", now)),
      ],
      [0, 3, 4],
      colors,
    ),
    table(
      ["SESSION", "WAITS FOR"],
      [
        ...status.queues.map(({ sessionId, waiting }) => [
          id(sessionId),
          `a turn: ${waiting} ${waiting === 1 ? "prompt" : "prompts"}`,
        ]),
        ...status.waitingForAgent.map(({ sessionId, since }) => [
          id(sessionId),
          `an agent: ${formatDuration(Math.max(0, now - since))}`,
        ]),
      ],
      [],
      colors,
    ),
    table(
      ["LIMIT", "USED", "VALUE"],
      Object.entries(status.limits).map(([name, { value, used }]) => [
        name,
        used === undefined ? "-" : limitText(name, used),
        limitText(name, value),
      ]),
      [1, 2],
      colors,
    ),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function facts(status: DaemonStatus, colors: Colors): string {
  const { requests, turns } = status;
  return renderDetails(
    {
      Daemon: `running (process ${status.pid})`,
      Version: `${status.version}, build ${status.build}, protocol ${status.protocolVersion}`,
      Started: `${timeOf(status.startedAt)} (up ${formatDuration(status.uptimeMs)})`,
      Memory: megabytes(status.memoryBytes),
      Sessions: counts(status.sessions, states(status.states, false)),
      "At rest": listOf(states(status.states, true)),
      Agents: counts(status.agents.length + status.spareAgents.length, { spare: status.spareAgents.length }),
      Queued:
        status.queued === 0 ? undefined : `${status.queued} ${status.queued === 1 ? "prompt" : "prompts"}`,
      Connections: String(status.connections),
      Requests: counts(requests.received, { failed: requests.failed, dropped: requests.dropped }),
      Turns: counts(turns.started, { failed: turns.failed, aborted: turns.aborted, died: turns.died }),
      "Idle limit": status.idleTimeoutMs > 0 ? formatDuration(status.idleTimeoutMs) : "none",
      Socket: shortPath(status.socket),
      Log: `${shortPath(status.log)} (${status.logLevel})`,
    },
    colors,
  );
}

/** `12: 2 working, 1 waiting`; zeros are left out. */
function counts(total: number, parts: Readonly<Record<string, number>>): string {
  const list = listOf(parts);
  return list === undefined ? String(total) : `${total}: ${list}`;
}

function listOf(parts: Readonly<Record<string, number>>): string | undefined {
  const named = Object.entries(parts).filter(([, count]) => count > 0);
  if (named.length === 0) return undefined;
  return named.map(([name, count]) => `${compactNumber(count)} ${name}`).join(", ");
}

/** The states in which something happens, or those in which nothing does: one line can't hold them all. */
function states(all: DaemonStatus["states"], atRest: boolean): Record<string, number> {
  return Object.fromEntries(Object.entries(all).filter(([state]) => AT_REST.has(state) === atRest));
}

function agentRow(agent: Omit<AgentStatus, "sessionId">, id: string, now: number): string[] {
  const { pid, state, memoryBytes, idleSince } = agent;
  return [
    String(pid),
    id,
    state,
    memoryBytes === undefined ? "-" : megabytes(memoryBytes),
    idleSince === undefined ? "-" : formatAge(Math.max(0, now - idleSince)),
  ];
}

function limitText(name: string, value: number): string {
  if (TIMES.has(name)) return value === 0 ? "never" : formatDuration(value);
  return name.includes("_bytes") ? megabytes(value) : String(value);
}

function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  alignRight: readonly number[],
  colors: Colors,
): string {
  if (rows.length === 0) return "";
  const [first = "", ...lines] = alignColumns([heading, ...rows], new Set(alignRight));
  return [colors.bold(first), ...lines].map((line) => `${line}\n`).join("");
}
