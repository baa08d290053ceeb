import { closeSync, existsSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, type LogLevel, loadConfig } from "../core/config.ts";
import { configLogLevels } from "../core/config-keys.ts";
import { PictlError } from "../core/errors.ts";
import { forgetAgentPlaces, noteAgentPlaces } from "../core/outside/agent-places.ts";
import { packagePlace } from "../core/package-place.ts";
import type { Environment, Paths } from "../core/paths.ts";
import { createRedactor } from "../core/redact.ts";
import { History } from "../history/history.ts";
import { AgentStarter } from "../session/agent-starter.ts";
import { endOldLeftovers, endOwnLeftovers } from "../session/leftovers.ts";
import { Registry } from "../session/registry.ts";
import { noteSandboxed } from "../session/sandboxed-places.ts";
import { Sessions } from "../session/sessions.ts";
import { activatedSocket } from "./activation.ts";
import { LogFile } from "./log-file.ts";
import { Daemon } from "./server.ts";

/** What the daemon's own files, a connection and the start of an agent open at once. */
const SPARE_DESCRIPTORS = 26;
const SIGNALS: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT", "SIGHUP"];

/**
 * Puts the daemon together, serves until it is stopped and resolves when everything of it has ended. The
 * caller holds the instance lock.
 *
 * @param options `umask`: for clients that give none
 */
export async function startDaemon(
  paths: Paths,
  { foreground, umask, onListening }: { foreground: boolean; umask?: number; onListening: () => void },
): Promise<void> {
  requireDescriptors();
  const config = withLogLevel(await loadConfig(paths.config), process.env);
  const log = new LogFile(paths.log, createRedactor(process.env), {
    level: config.daemon.logLevel,
    maxBytes: config.limits.maxLogBytes,
    echo: foreground ? (line) => process.stderr.write(line) : undefined,
  });
  const activatedFd = activatedSocket(process.env);
  const registry = new Registry(paths.registry);
  // Those of a version that kept them nowhere else. What the user takes out of the file stays out.
  if (!existsSync(paths.agentPlaces))
    noteAgentPlaces(paths.agentPlaces, [...registry.sandboxedPlaces().keys()]);
  registry.forgetSandboxedPlaces(forgetAgentPlaces(paths.agentPlaces));
  const starter = new AgentStarter({
    config,
    versions: {
      get: (key) => registry.getCache(`pi:${key}`),
      set: (key, value) => registry.putCache([[`pi:${key}`, value]]),
    },
    extensionFile: extensionFile("scripted-model", "src/lib/agent/scripted-model/extension.ts"),
    warmingFile: extensionFile("idle-cache-warming", "src/lib/agent/pi/idle-cache-warming.ts"),
    toolsFile: extensionFile("report-tools", "src/lib/agent/pi/report-tools.ts"),
    marker: { PICTL_AGENT_OF: paths.runtimeDir, PICTL_DAEMON_PID: String(process.pid) },
    paths,
    onSandboxed: (writable, profile) => {
      noteAgentPlaces(paths.agentPlaces, writable);
      noteSandboxed(registry, writable, profile);
    },
  });
  const { PICTL_HOME } = process.env;
  const place = { runtimeDir: paths.runtimeDir, ...(PICTL_HOME ? { home: resolve(PICTL_HOME) } : {}) };
  const sessions = new Sessions({ registry, starter, config, configFile: paths.config, log, place });
  const history = new History(paths.history, log, paths.agentPlaces);
  const stopped = Promise.withResolvers<void>();
  const daemon = new Daemon({
    paths,
    config,
    sessions,
    history,
    log,
    umask,
    activatedFd,
    endLeftovers: () => endOwnLeftovers(paths.runtimeDir, log),
    onStopped: stopped.resolve,
  });

  // A signal to a daemon that is stopping already means that waiting for running turns is too long.
  const onSignal = (signal: NodeJS.Signals) => void daemon.stop(signal, { now: daemon.isStopping });
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    // Before anybody can ask for an agent: one that still lives may write to the same session's file.
    await endOldLeftovers(paths.runtimeDir, log);
    await daemon.listen();
    const activated = activatedFd === undefined ? {} : { activated: true };
    log.info("listening", { socket: paths.socket, node: process.version, ...activated });
    onListening();
    await stopped.promise;
  } finally {
    // Without a listener, a signal that comes between here and the process's end would end it with another code.
    for (const signal of SIGNALS) process.on(signal, () => undefined).off(signal, onSignal);
    await history.close();
    registry.close();
    log.close();
  }
}

/** `PICTL_LOG_LEVEL` goes before the file: for one run that is looked at closely. Throws INVALID_CONFIG. */
function withLogLevel(config: Config, { PICTL_LOG_LEVEL: level }: Environment): Config {
  if (!level) return config;
  if (!(configLogLevels as readonly string[]).includes(level)) {
    throw new PictlError("INVALID_CONFIG", `PICTL_LOG_LEVEL is "${level}", which is no level of the log.`, {
      hint: `Use one of ${configLogLevels.join(", ")}.`,
      details: { key: "daemon.log_level", value: level },
    });
  }
  return { ...config, daemon: { ...config.daemon, logLevel: level as LogLevel } };
}

/** An extension of pi that is ours: bundled into one file in a release, the source itself when run from source. */
function extensionFile(name: string, source: string): string {
  const { root, fromSource } = packagePlace();
  return join(root, fromSource ? source : `dist/${name}.js`);
}

/** Throws EMFILE where connections and agents couldn't be served: Node takes a connection then and drops it unheard. */
function requireDescriptors(): void {
  const opened: number[] = [];
  try {
    for (let count = 0; count < SPARE_DESCRIPTORS; count++) opened.push(openSync(process.execPath, "r"));
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
