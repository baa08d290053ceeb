import { join } from "node:path";
import { loadConfig } from "../core/config.ts";
import { packagePlace } from "../core/package-place.ts";
import type { Paths } from "../core/paths.ts";
import { createRedactor } from "../core/redact.ts";
import { AgentStarter } from "../session/agent-starter.ts";
import { Registry } from "../session/registry.ts";
import { Sessions } from "../session/sessions.ts";
import { LogFile } from "./log-file.ts";
import { Daemon } from "./server.ts";

const SIGNALS: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT", "SIGHUP"];

/**
 * Puts the daemon together, serves until it is stopped and resolves when everything of it has ended. The
 * caller holds the instance lock.
 */
export async function startDaemon(
  paths: Paths,
  { foreground, onListening }: { foreground: boolean; onListening: () => void },
): Promise<void> {
  const config = await loadConfig(paths.config);
  const log = new LogFile(
    paths.log,
    createRedactor(process.env),
    foreground ? (line) => process.stderr.write(line) : undefined,
  );
  const registry = new Registry(paths.registry);
  const starter = new AgentStarter({
    config,
    versions: {
      get: (key) => registry.getCache(`pi:${key}`),
      set: (key, value) => registry.putCache([[`pi:${key}`, value]]),
    },
    extensionFile: extensionFile(),
    marker: { PICTL_AGENT_OF: paths.runtimeDir, PICTL_DAEMON_PID: String(process.pid) },
  });
  const sessions = new Sessions({ registry, starter, config, configFile: paths.config, log });
  const stopped = Promise.withResolvers<void>();
  const daemon = new Daemon({ paths, config, sessions, log, onStopped: stopped.resolve });

  // A signal to a daemon that is stopping already means that waiting for running turns is too long.
  const onSignal = (signal: NodeJS.Signals) => void daemon.stop(signal, daemon.isStopping);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    await daemon.listen();
    log.info("listening", { socket: paths.socket, node: process.version });
    onListening();
    await stopped.promise;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    registry.close();
    log.close();
  }
}

/** The scripted model's extension: bundled into one file in a release, the source itself when run from source. */
function extensionFile(): string {
  const { root, fromSource } = packagePlace();
  return join(root, fromSource ? "src/lib/agent/scripted-model/extension.ts" : "dist/scripted-model.js");
}
