import { randomUUID } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Agent, type AgentHandlers, type AgentState } from "../agent/agent.ts";
import { launchArguments, type SessionPlace } from "../agent/launch-arguments.ts";
import { AGENT_ID } from "../agent/marked-processes.ts";
import { findOrphanedAgents } from "../agent/orphans.ts";
import { bundledPiCli } from "../agent/pi/bundled-pi.ts";
import { type PiCommand, resolvePi } from "../agent/pi/pi-command.ts";
import type { VersionCache } from "../agent/pi/pi-version.ts";
import { refuseNul } from "../agent/refuse-nul.ts";
import { AgentSandboxes, type SandboxPlan, writablePlaces } from "../agent/sandbox/agent-sandboxes.ts";
import {
  isScriptedModel,
  resolveScriptedModel,
  scriptedModelArgs,
} from "../agent/scripted-model/model-id.ts";
import type { SandboxProfile } from "../core/choices.ts";
import type { Config } from "../core/config.ts";
import { PictlError } from "../core/errors.ts";
import { type ChildSetting, childSetting } from "../core/inherited.ts";
import type { Environment, Paths } from "../core/paths.ts";
import {
  agentDirOf,
  projectSessionDirOf,
  sessionDirFor,
  sessionDirOf,
} from "../core/session-files/locate.ts";
import type { SessionOptions } from "../protocol/session.ts";
import { type AgentKind, agentKey } from "./agent-kind.ts";
import type { Caller, ModelChange } from "./caller.ts";
import { refuseOtherFile } from "./files/entries.ts";
import type { Spare } from "./spare-agents.ts";
import type { AgentFigures } from "./tally.ts";

export interface AgentPlan {
  place: SessionPlace;
  cwd: string;
  options: SessionOptions;
  /** The model that stands in the session's file, which wins over the one it was created with. */
  recordedModel?: string | undefined;
  change?: ModelChange;
}

/** How an agent is to be started. Holds the caller's environment: not to be kept for longer than it is used. */
export interface AgentLaunch {
  pi: PiCommand;
  args: string[];
  /** For an agent of the same kind that belongs to no session yet. */
  spareArgs: string[];
  cwd: string;
  env: Environment;
  /** Umask and limits of the caller. */
  setting: ChildSetting;
  kind: AgentKind;
  /** What the session's model then is, as far as it is known; `scripted/…` with its absolute path. */
  model: string | undefined;
  /** The sandbox that it has to run in. */
  sandbox: SandboxPlan | undefined;
  /** Whether an agent that runs already can be moved to the session instead. */
  spareWillDo: boolean;
}

/** Turns a session's options and its caller's shell into a running agent. */
export class AgentStarter {
  readonly #config: Config;
  readonly #versions: VersionCache;
  readonly #extensionFile: string;
  readonly #sandboxes: AgentSandboxes;
  readonly #onSandboxed: (writable: string[], profile: SandboxProfile) => void;
  /** Set in every agent's environment, so that one left over by a dead daemon can be told from others. */
  readonly #marker: Environment;
  readonly #kinds = new WeakMap<Agent, Omit<Spare, "agent">>();
  /** Agents that became ready, and those of them that have ended. */
  readonly figures: AgentFigures = { started: 0, ended: 0 };
  readonly #giveUp = new AbortController();

  constructor(options: {
    config: Config;
    versions: VersionCache;
    extensionFile: string;
    marker: Environment;
    paths: Paths;
    /** Called before an agent is started in a sandbox, with the places in which it can write. */
    onSandboxed: (writable: string[], profile: SandboxProfile) => void;
  }) {
    this.#sandboxes = new AgentSandboxes(options.paths, options.extensionFile);
    this.#onSandboxed = options.onSandboxed;
    this.#config = options.config;
    this.#versions = options.versions;
    this.#extensionFile = options.extensionFile;
    this.#marker = options.marker;
  }

  /** Which pi a shell with this environment gets. Throws PI_NOT_FOUND, PI_TOO_OLD or INVALID_INPUT. */
  async resolvePi(env: Environment): Promise<PiCommand> {
    refuseNul([], env);
    return await resolvePi({ env, config: this.#config, bundledCli: bundledPiCli(), cache: this.#versions });
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

  /**
   * Works out how an agent is started, without starting it.
   *
   * @throws PictlError DIRECTORY_NOT_FOUND, PI_NOT_FOUND, PI_TOO_OLD, INVALID_INPUT, INVALID_CONFIG, SANDBOX_REQUIRED,
   * SANDBOX_UNAVAILABLE, STORAGE_UNAVAILABLE
   */
  async prepare(plan: AgentPlan, caller: Caller): Promise<AgentLaunch> {
    const { cwd, options, place, recordedModel } = plan;
    const env = this.environmentOf(caller);
    if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
      throw new PictlError("DIRECTORY_NOT_FOUND", `The session's directory ${cwd} does not exist any more.`, {
        hint: "Create it again, or start a session elsewhere with `pictl prompt --new`.",
        details: { cwd },
      });
    }
    if (place.kind === "file") refuseOtherFile(place.path);
    const pi = await this.resolvePi(env);
    const change = definedOnly(plan.change ?? {});
    const model = change.model ?? (place.kind === "file" ? recordedModel : options.model);
    const scripted =
      model !== undefined && isScriptedModel(model) ? resolveScriptedModel(model, cwd) : undefined;
    const scriptedArgs = scripted === undefined ? [] : scriptedModelArgs(scripted, this.#extensionFile);
    const args = launchArguments(place, { ...options, ...change }, scriptedArgs);
    if (place.kind === "file") {
      // Only a change that was asked for is given: the file's own model and level stay otherwise.
      if (scripted === undefined && change.model !== undefined) args.push("--model", change.model);
      if (change.thinking !== undefined) args.push("--thinking", change.thinking);
    }
    const given = place.kind === "file" ? change : { ...options, ...change };
    const setting = childSetting(caller);
    const sharedArgs = launchArguments({ kind: "file", path: "" }, options, scriptedArgs);
    const agentDir = agentDirOf(env, cwd);
    const projectSessionDir = projectSessionDirOf(env, cwd);
    const sandbox = await this.#sandboxes.plan(
      options,
      {
        cwd,
        agentDir,
        sessionDir:
          place.kind === "file"
            ? dirname(place.path)
            : (sessionDirOf(env, cwd) ?? sessionDirFor(cwd, agentDir)),
        projectSessionDir,
      },
      env,
      pi,
      sharedArgs,
    );
    return {
      pi,
      args,
      spareArgs: launchArguments({ kind: "new", id: randomUUID() }, lasting(options), scriptedArgs),
      cwd,
      env,
      setting,
      kind: {
        key: agentKey({ pi, args: sharedArgs, options, env, cwd, sandbox: sandbox?.key, setting }),
        ...(scripted === undefined && given.model !== undefined ? { model: given.model } : {}),
        ...(given.thinking === undefined ? {} : { thinking: given.thinking }),
      },
      model: scripted ?? model,
      sandbox,
      // A spare takes another model only by a command that pi also makes its default of.
      spareWillDo: place.kind === "file" && (scripted !== undefined || model === recordedModel),
    };
  }

  /** Starts an agent. The handlers get its records until {@link Agent.reportTo} names others. */
  async start(
    plan: AgentPlan,
    caller: Caller,
    handlers: AgentHandlers,
  ): Promise<{ agent: Agent; state: AgentState }> {
    return await this.launch(await this.prepare(plan, caller), handlers);
  }

  /** Resolves when nothing is done for agents to come any more. */
  async settled(): Promise<void> {
    await this.#sandboxes.settled();
  }

  /** Ends agents that are not ready yet, and starts no more: whoever waits for one gets the reason. */
  giveUp(reason: PictlError): void {
    this.#giveUp.abort(reason);
  }

  /** Starts an agent as {@link prepare} has worked it out. */
  async launch(launch: AgentLaunch, handlers: AgentHandlers): Promise<{ agent: Agent; state: AgentState }> {
    this.#giveUp.signal.throwIfAborted();
    const marks = { ...this.#marker, [AGENT_ID]: randomUUID() };
    if (launch.sandbox !== undefined)
      this.#onSandboxed(writablePlaces(launch.sandbox), launch.sandbox.policy.profile);
    const sandbox =
      launch.sandbox &&
      (await this.#sandboxes.open(launch.sandbox, launch.pi, {
        environment: launch.env,
        marks,
        model: launch.model,
      }));
    const started = await Agent.start({
      signal: this.#giveUp.signal,
      command: launch.pi.argv,
      args: launch.args,
      cwd: launch.cwd,
      // Of a shell that is itself a tool of some pi: the agent must not pass for a command (agent/orphans.ts).
      // pi marks the commands that it runs with PI_CODING_AGENT. A pictl that one of them called would pass it on,
      // and its agents couldn't be told from such commands (agent/orphans.ts).
      env: { ...launch.env, PI_CODING_AGENT: undefined, ...marks },
      sandbox,
      setting: launch.setting,
      limits: {
        silenceMs: this.#config.limits.agentSilenceMs,
        bytesPerMinute: this.#config.limits.maxAgentBytesPerMinute,
      },
      ...handlers,
    });
    this.figures.started += 1;
    void started.agent.exited.then(() => {
      this.figures.ended += 1;
    });
    const { model } = started.state;
    this.#kinds.set(started.agent, {
      kind: launch.kind,
      cwd: launch.cwd,
      model: model && `${model.provider}/${model.id}`,
    });
    return started;
  }

  /** How an agent of this starter was started. */
  kindOf(agent: Agent): Omit<Spare, "agent"> | undefined {
    return this.#kinds.get(agent);
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

/** The options that pi keeps to for as long as it runs, whichever session it holds. */
function lasting({ model: _, thinking: __, ...options }: SessionOptions): SessionOptions {
  return options;
}

function definedOnly(change: ModelChange): Partial<SessionOptions> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
