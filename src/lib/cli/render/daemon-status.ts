import { formatDuration } from "../../core/duration.ts";
import type { DaemonStatus } from "../../protocol/requests.ts";
import type { Colors } from "./color.ts";
import { renderDetails } from "./details.ts";
import { megabytes, shortPath, timeOf } from "./numbers.ts";

/** A running daemon as aligned lines. */
export function renderDaemonStatus(status: DaemonStatus, colors: Colors): string {
  const busy = status.agents.filter(({ state }) => state !== "idle").length;
  return renderDetails(
    {
      Daemon: `running (process ${status.pid})`,
      Version: `${status.version}, build ${status.build}, protocol ${status.protocolVersion}`,
      Started: `${timeOf(status.startedAt)} (up ${formatDuration(status.uptimeMs)})`,
      Memory: megabytes(status.memoryBytes),
      Sessions: String(status.sessions),
      Agents: `${status.agents.length}${busy === 0 ? "" : ` (${busy} busy)`}`,
      Queued:
        status.queued === 0 ? undefined : `${status.queued} ${status.queued === 1 ? "prompt" : "prompts"}`,
      Connections: String(status.connections),
      "Idle limit": status.idleTimeoutMs > 0 ? formatDuration(status.idleTimeoutMs) : "none",
      Socket: shortPath(status.socket),
      Log: shortPath(status.log),
    },
    colors,
  );
}
