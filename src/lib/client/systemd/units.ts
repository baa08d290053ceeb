import { isAbsolute, join } from "node:path";
import { AGENT_EXIT_MS } from "../../core/agent-exit-time.ts";
import type { Environment, Paths } from "../../core/paths.ts";

/** The first line of a file that `pictl daemon install` wrote: only such a file is replaced or removed. */
export const UNIT_MARK = "# Written by `pictl daemon install`. `pictl daemon uninstall` removes it.";

/** What decides where the daemon's files are: it must come to the same places as the shell that installs it. */
const PLACES = [
  "PICTL_HOME",
  "XDG_STATE_HOME",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_CACHE_HOME",
  "TMPDIR",
];
/** What the daemon takes to end its agents, beyond the time that it gives to running turns. */
const STOP_GRACE_S = AGENT_EXIT_MS / 1_000 + 15;

export interface UnitFacts {
  paths: Pick<Paths, "socket">;
  env: Environment;
  /** Program and arguments that run the daemon in the foreground. */
  command: readonly string[];
  drainTimeoutMs: number;
}

/** One unit of systemd: its file's name and what stands in it. */
export interface Unit {
  name: "pictl.socket" | "pictl.service";
  text: string;
}

/** The directory of a user's own units (systemd.unit(5)). */
export function unitDirectory(env: Environment, home: string): string {
  const config = env.XDG_CONFIG_HOME;
  return join(config !== undefined && isAbsolute(config) ? config : join(home, ".config"), "systemd", "user");
}

/**
 * A socket that systemd listens on, and the service that it starts with the first connection. The daemon still
 * leaves when it has been idle, and is started again.
 */
export function systemdUnits({ paths, env, command, drainTimeoutMs }: UnitFacts): Unit[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const isInRuntime = runtime !== undefined && paths.socket.startsWith(`${runtime}/`);
  const socket = isInRuntime
    ? `%t${escapeSpecifiers(paths.socket.slice(runtime.length))}`
    : escapeSpecifiers(paths.socket);
  const places = PLACES.flatMap((name) =>
    env[name] ? [`Environment=${quoted(`${name}=${env[name]}`)}`] : [],
  );
  // systemd sets it for its services; where the shell has none, the daemon must look elsewhere too.
  const unset = runtime === undefined ? ["UnsetEnvironment=XDG_RUNTIME_DIR"] : [];
  return [
    {
      name: "pictl.socket",
      text: lines(
        UNIT_MARK,
        "[Unit]",
        "Description=Socket of the pictl daemon",
        "",
        "[Socket]",
        `ListenStream=${socket}`,
        "SocketMode=0600",
        "# The directory is the access control: pictl refuses one that others may enter.",
        "DirectoryMode=0700",
        "RemoveOnStop=yes",
        "",
        "[Install]",
        "WantedBy=sockets.target",
      ),
    },
    {
      name: "pictl.service",
      text: lines(
        UNIT_MARK,
        "[Unit]",
        "Description=pictl daemon, which holds sessions with the pi coding agent",
        "Requires=pictl.socket",
        "After=pictl.socket",
        "",
        "[Service]",
        "Type=exec",
        `ExecStart=${command.map((word) => quoted(word).replaceAll("$", "$$$$")).join(" ")}`,
        ...places,
        ...unset,
        "# The daemon alone is told to stop: it lets turns end, and ends its agents itself.",
        "KillMode=mixed",
        `TimeoutStopSec=${Math.ceil(drainTimeoutMs / 1000) + STOP_GRACE_S}`,
        "Restart=on-failure",
        "RestartSec=2",
      ),
    },
  ];
}

function lines(...texts: string[]): string {
  return `${texts.join("\n")}\n`;
}

/** One word of a setting that is split like a command line (systemd.syntax(7), "Quoting"). */
function quoted(word: string): string {
  return `"${escapeSpecifiers(word).replace(/["\\]/g, "\\$&")}"`;
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
