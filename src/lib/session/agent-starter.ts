import { existsSync, statSync } from "node:fs";
import { Agent, type AgentHandlers, type AgentState } from "../agent/agent.ts";
import { launchArguments, type SessionPlace } from "../agent/launch-arguments.ts";
import { findOrphanedAgents } from "../agent/orphans.ts";
import { bundledPiCli } from "../agent/pi/bundled-pi.ts";
import { type PiCommand, resolvePi } from "../agent/pi/pi-command.ts";
import type { VersionCache } from "../agent/pi/pi-version.ts";
import {
  isScriptedModel,
  resolveScriptedModel,
  scriptedModelArgs,
} from "../agent/scripted-model/model-id.ts";
import type { Config } from "../core/config.ts";
import { PictlError } from "../core/errors.ts";
import type { Environment } from "../core/paths.ts";
import type { SessionOptions } from "../protocol/session.ts";
import type { Caller, ModelChange } from "./caller.ts";

export interface AgentPlan {
  place: SessionPlace;
  cwd: string;
  options: SessionOptions;
  /** The model that stands in the session's file, which wins over the one it was created with. */
  recordedModel?: string | undefined;
  change?: ModelChange;
}

/** Turns a session's options and its caller's shell into a running agent. */
export class AgentStarter {
  readonly #config: Config;
  readonly #versions: VersionCache;
  readonly #extensionFile: string;
  /** Set in every agent's environment, so that one left over by a dead daemon can be told from others. */
  readonly #marker: Environment;

  constructor(options: {
    config: Config;
    versions: VersionCache;
    extensionFile: string;
    marker: Environment;
  }) {
    this.#config = options.config;
    this.#versions = options.versions;
    this.#extensionFile = options.extensionFile;
    this.#marker = options.marker;
  }

  /** Which pi a shell with this environment gets. Throws PI_NOT_FOUND or PI_TOO_OLD. */
  resolvePi(env: Environment): Promise<PiCommand> {
    return resolvePi({ env, config: this.#config, bundledCli: bundledPiCli(), cache: this.#versions });
  }

  /** The environment of the caller's shell. Throws INVALID_INPUT when its connection brought none. */
  environmentOf(caller: Caller): Environment {
    if (caller.environment !== undefined) return caller.environment;
    throw new PictlError(
      "INVALID_INPUT",
      "An agent must be started, and the client gave no environment for it.",
      {
        hint: "Send `environment` in client_ready (docs/protocol.md).",
      },
    );
  }

  /** Agents of this place that a dead daemon has left; undefined where that can't be told. */
  findOrphans(runtimeDir: string): ReturnType<typeof findOrphanedAgents> {
    return findOrphanedAgents(runtimeDir, process.pid);
  }

  async start(
    plan: AgentPlan,
    caller: Caller,
    handlers: AgentHandlers,
  ): Promise<{ agent: Agent; state: AgentState }> {
    const env = this.environmentOf(caller);
    if (!statSync(plan.cwd, { throwIfNoEntry: false })?.isDirectory()) {
      throw new PictlError(
        "DIRECTORY_NOT_FOUND",
        `The session's directory ${plan.cwd} does not exist any more.`,
        {
          hint: "Create it again, or start a session elsewhere with `pictl prompt --new`.",
          details: { cwd: plan.cwd },
        },
      );
    }
    const pi = await this.resolvePi(env);
    return await Agent.start({
      command: pi.argv,
      args: this.#arguments(plan),
      cwd: plan.cwd,
      // Of a shell that is itself a tool of some pi: the agent must not pass for a command (agent/orphans.ts).
      // pi marks the commands that it runs with PI_CODING_AGENT. A pictl that one of them called would pass it on,
      // and its agents couldn't be told from such commands (agent/orphans.ts).
      env: { ...env, PI_CODING_AGENT: undefined, ...this.#marker },
      ...handlers,
    });
  }

  #arguments({ place, cwd, options, recordedModel, change = {} }: AgentPlan): string[] {
    const model = change.model ?? (place.kind === "file" ? recordedModel : options.model);
    const scripted =
      model !== undefined && isScriptedModel(model)
        ? scriptedModelArgs(resolveScriptedModel(model, cwd), this.#extensionFile)
        : [];
    const args = launchArguments(place, { ...options, ...definedOnly(change) }, scripted);
    if (place.kind !== "file") return args;
    // Only a change that was asked for is given: the file's own model and level stay otherwise.
    if (scripted.length === 0 && change.model !== undefined) args.push("--model", change.model);
    if (change.thinking !== undefined) args.push("--thinking", change.thinking);
    return args;
  }
}

/** Where pi finds a session: its file once there is one, else the id under which it will be written. */
export function placeOf(record: {
  id: string;
  file?: string;
  name?: string;
  options: SessionOptions;
}): SessionPlace {
  if (record.options.ephemeral) return { kind: "memory", id: record.id, name: record.name };
  if (record.file !== undefined && existsSync(record.file)) return { kind: "file", path: record.file };
  return { kind: "new", id: record.id, name: record.name };
}

function definedOnly(change: ModelChange): Partial<SessionOptions> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
