import { readdirSync } from "node:fs";
import { join } from "node:path";
import { AGENT_DAEMON, AGENT_ID, AGENT_OF } from "../agent/marked-processes.ts";
import type { PiCommand } from "../agent/pi/pi-command.ts";
import type { ChildSetting } from "../core/inherited.ts";
import type { Environment } from "../core/paths.ts";
import { agentDirOf } from "../core/session-files/locate.ts";
import { sha256 } from "../core/sha256.ts";
import type { SessionOptions } from "../protocol/session.ts";
import { readObject } from "./pi-settings.ts";

/** Variables in which two agents may differ and yet stand in for one another, each with the reason. */
const OF_THE_MOMENT: Readonly<Record<string, string>> = {
  _: "the path of the command that the shell ran last: pictl itself",
  PWD: "the caller's directory, which is seldom the session's; every shell that pi starts sets its own",
  OLDPWD: "the directory before that one; pi's shells set it with the first cd",
  SHLVL: "how many shells deep the caller was",
  COLUMNS: "the size of the caller's terminal at that moment; an agent has none",
  LINES: "the same",
  [AGENT_OF]: "set anew for every agent, the same for all of a daemon",
  [AGENT_DAEMON]: "the same",
  [AGENT_ID]: "names one agent",
};

/** What an agent was started with, as far as another session must have been started with the same to take it over. */
export interface AgentKind {
  /** A hash over everything that must be equal. No value of the environment can be had from it. */
  key: string;
  /** The model that pi's command line names, which pi goes back to with every session it opens. */
  model?: string;
  /** The thinking level that it names, for which the same holds. */
  thinking?: string;
  /** MCP servers start with each session that it opens, an empty one too. */
  startsServers?: boolean;
}

/**
 * @param args pi's arguments without the session's own place, name, model and thinking level
 * @param cwd the session's directory
 */
export function agentKey(launch: {
  pi: Pick<PiCommand, "argv" | "version">;
  args: readonly string[];
  options: SessionOptions;
  env: Environment;
  cwd: string;
  /** The key of its sandbox, which is for one workspace. */
  sandbox?: string | undefined;
  setting: ChildSetting;
}): string {
  const { pi, args, options, env, cwd, sandbox, setting } = launch;
  const agentDir = agentDirOf(env, cwd);
  const { fixed, hasExtensions } = settingsOf(agentDir);
  const variables = Object.keys(env)
    .filter((name) => env[name] !== undefined && !Object.hasOwn(OF_THE_MOMENT, name))
    .sort()
    .map((name) => [name, env[name]]);
  const place = hasExtensions || isBoundToDirectory(options) ? cwd : null;
  const parts = [pi.argv, pi.version, args, agentDir, fixed, place, variables, sandbox ?? null, setting];
  return sha256(JSON.stringify(parts), "base64");
}

/**
 * Whether something of the directory in which pi was started stays in it when it moves to another: code of the
 * project, which can change the whole process, and what pi's arguments name by a relative path.
 */
function isBoundToDirectory({ approve, piArgs, systemPrompt, appendSystemPrompt }: SessionOptions): boolean {
  const texts = [systemPrompt, ...(appendSystemPrompt ?? [])];
  return approve === true || (piArgs?.length ?? 0) > 0 || texts.some((text) => text && !text.startsWith("/"));
}

/**
 * What pi reads of its own directory only when it starts, and whether it runs extensions: these may have put
 * what they found in the first directory into pi's environment. All else it reads again with each session.
 * Source: pi's main.js, `applyHttpProxySettings` and `configureHttpDispatcher`.
 */
function settingsOf(agentDir: string): { fixed: unknown; hasExtensions: boolean } {
  const { httpProxy, httpIdleTimeoutMs, packages, extensions } = readObject(join(agentDir, "settings.json"));
  const listed = [packages, extensions].some((list) => Array.isArray(list) && list.length > 0);
  return {
    fixed: [httpProxy, httpIdleTimeoutMs, packages, extensions],
    hasExtensions: listed || !isEmpty(join(agentDir, "extensions")),
  };
}

function isEmpty(dir: string): boolean {
  try {
    return readdirSync(dir).length === 0;
  } catch {
    return true;
  }
}
