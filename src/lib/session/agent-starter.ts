import { randomUUID } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Agent, type AgentHandlers, type AgentState } from "../agent/agent.ts";
import { launchArguments, type SessionPlace } from "../agent/launch-arguments.ts";
import { AGENT_ID } from "../agent/marked-processes.ts";
import { findOrphanedAgents } from "../agent/orphans.ts";
import { requirePaths } from "../agent/path-arguments.ts";
import { bundledPiCli } from "../agent/pi/bundled-pi.ts";
import { type PiCommand, resolvePi } from "../agent/pi/pi-command.ts";
import type { VersionCache } from "../agent/pi/pi-version.ts";
import { withPromptFiles } from "../agent/prompt-files.ts";
import { refuseNul } from "../agent/refuse-nul.ts";
import {
  AgentSandboxes,
  type PromisedPolicy,
  type SandboxPlan,
  withProgram,
  writablePlaces,
} from "../agent/sandbox/agent-sandboxes.ts";
import { Baselines } from "../agent/sandbox/baselines.ts";
import {
  isBuiltIn,
  isScriptedModel,
  resolveScriptedModel,
  scriptedModelArgs,
} from "../agent/scripted-model/model-id.ts";
import { withoutUnrestored } from "../agent/start-warnings.ts";
import { agentFileProblem, isUnfit } from "../core/agent-file.ts";
import type { SandboxProfile } from "../core/choices.ts";
import type { Config } from "../core/config.ts";
import { PictlError } from "../core/errors.ts";
import { type ChildSetting, childSetting } from "../core/inherited.ts";
import { agentPlaces } from "../core/outside/agent-places.ts";
import type { Environment, Paths } from "../core/paths.ts";
import { brokenPiFiles, readPiFile } from "../core/pi-files.ts";
import { agentDirOf, explicitSessionDir } from "../core/session-files/locate.ts";
import { sandboxedDirectoryFor, sandboxedFiles } from "../core/session-files/sandboxed-directory.ts";
import type { SessionOptions } from "../protocol/session.ts";
import { type AgentKind, agentKey } from "./agent-kind.ts";
import type { Caller, ModelChange } from "./caller.ts";
import { refuseOtherFile } from "./files/entries.ts";
import { startsServers, warmsIdleCaches } from "./pi-settings.ts";
import {
  branchSelection,
  type Difference,
  type Expected,
  expectedWithFile,
  type FileState,
  findDifference,
  type ModelAndLevel,
  modelOf,
  type PromisedState,
  refuseUnlisted,
} from "./promised.ts";
import { choosesTools, findToolsDifference, refuseUnknownTools } from "./promised-tools.ts";
import type { Spare } from "./spare-agents.ts";
import { substitutions } from "./substitutions.ts";
import type { AgentFigures } from "./tally.ts";

/** Answered from memory; longer means the agent is stuck. */
const MODELS_TIMEOUT_MS = 30_000;

export interface AgentPlan {
  sessionId: string;
  place: SessionPlace;
  cwd: string;
  /** The directory of its own that its file is in or is to be in, should it run in a sandbox; absent: the usual one. */
  directory?: string | undefined;
  /** Whether it has been prepared for a sandbox: it has one then, also when nothing asks for one any more. */
  isSandboxed?: boolean | undefined;
  /** The policy that held for it before. */
  policy?: PromisedPolicy | undefined;
  options: SessionOptions;
  /** What the session had when an agent last held it; absent for a new one, and for one that only pi has had. */
  promised?: PromisedState | undefined;
  /** The tools that it then had, where its options choose them. */
  promisedTools?: readonly string[] | undefined;
  /** What its file says. */
  file?: FileState | undefined;
  change?: ModelChange;
}

/** How an agent came up otherwise than promised. With one of these it may only do what needs no model. */
export interface Differences {
  difference?: Difference | undefined;
  toolsDifference?: PictlError | undefined;
}

/** An agent that is ready. */
export interface StartedAgent extends Differences {
  agent: Agent;
  state: AgentState;
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
  thinking: string | undefined;
  /**
   * Compares what came up to what was promised.
   *
   * @throws PictlError MODEL_UNAVAILABLE, TOOLS_UNAVAILABLE; the agent must be ended then
   */
  verify: (agent: Agent, state: AgentState) => Promise<Differences>;
  /** The part of it that is about tools, which an agent that was moved to the session needs too. */
  toolsDifference: (agent: Agent) => PictlError | undefined;
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
  readonly #warmingFile: string;
  readonly #toolsFile: string;
  readonly #placesFile: string;
  readonly #sandboxes: AgentSandboxes;
  /** How the workspaces of sandboxed sessions were before. */
  readonly baselines: Baselines;
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
    /** Extensions of pi: the scripted model, what keeps pi from spending money between turns, what reports the tools. */
    extensionFile: string;
    warmingFile: string;
    toolsFile: string;
    marker: Environment;
    paths: Paths;
    /** Called before an agent is started in a sandbox, with the places in which it can write. */
    onSandboxed: (writable: string[], profile: SandboxProfile) => void;
  }) {
    this.#sandboxes = new AgentSandboxes(
      options.paths,
      options.extensionFile,
      options.config.limits.maxLiveAgents,
    );
    this.#placesFile = options.paths.agentPlaces;
    this.baselines = new Baselines(join(options.paths.stateDir, "baselines"));
    this.#onSandboxed = options.onSandboxed;
    this.#config = options.config;
    this.#versions = options.versions;
    this.#extensionFile = options.extensionFile;
    this.#warmingFile = options.warmingFile;
    this.#toolsFile = options.toolsFile;
    this.#marker = options.marker;
  }

  /**
   * Which pi a shell with this environment gets.
   *
   * @param own places in which its agent is going to write, beside those that are known
   * @throws PictlError PI_NOT_FOUND, PI_TOO_OLD, INVALID_INPUT, STORAGE_UNAVAILABLE
   */
  async resolvePi(env: Environment, own: readonly string[] = []): Promise<PiCommand> {
    refuseNul([], env);
    return await resolvePi({
      env,
      config: this.#config,
      bundledCli: bundledPiCli(),
      cache: this.#versions,
      places: [...this.agentPlaces(), ...own],
    });
  }

  /** Where sandboxed agents can write: nothing from there runs outside. Throws STORAGE_UNAVAILABLE. */
  agentPlaces(): string[] {
    return agentPlaces(this.#placesFile);
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
    const { cwd, place } = plan;
    const env = this.environmentOf(caller);
    if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
      throw new PictlError("DIRECTORY_NOT_FOUND", `The session's directory ${cwd} does not exist any more.`, {
        hint: "Create it again, or go on in another directory with a copy: `pictl prompt --fork --cwd DIR -s ID`.",
        details: { cwd },
      });
    }
    refuseUnfitSettings(join(cwd, ".pi", "settings.json"));
    if (place.kind === "file") refuseOtherFile(place.path);
    const agentsPlaces = this.agentPlaces();
    requirePaths(plan.options.piArgs ?? [], agentsPlaces);
    refuseNul([], env);
    const agentDir = agentDirOf(env, cwd);
    const options = withPromptFiles(plan.options, agentDir, agentsPlaces);
    const { directory = sandboxedDirectoryFor(agentDir, cwd, plan.sessionId), policy: promised } = plan;
    const sessionDir = place.kind === "memory" ? undefined : sandboxedFiles(directory);
    const places = { cwd, agentDir, sessionDir, promised, always: plan.isSandboxed };
    const planned = await this.#sandboxes.plan(options, places, env);
    const pi = await this.resolvePi(env, planned === undefined ? [] : writablePlaces(planned));
    const expected = expectedOf(plan);
    const { model } = expected;
    if (model !== undefined) refuseUnasked(model, plan);
    const scripted =
      model !== undefined && isScriptedModel(model)
        ? resolveScriptedModel(model, cwd, agentsPlaces)
        : undefined;
    const scriptedArgs = scripted === undefined ? [] : scriptedModelArgs(scripted, this.#extensionFile);
    const { explicit } = expected;
    const own = [
      ...(warmsIdleCaches(pi.version, agentDir) ? ["-e", this.#warmingFile] : []),
      ...(choosesTools(options) ? ["-e", this.#toolsFile] : []),
    ];
    const sessions =
      planned === undefined ? explicitSessionDir(env, cwd, () => agentsPlaces) : planned.sessionDir;
    const args = [...launchArguments(place, options, scriptedArgs, explicit, sessions), ...own];
    const setting = childSetting(caller);
    const shared = (place: SessionPlace) => [
      ...launchArguments(place, options, scriptedArgs, {}, planned === undefined ? sessions : undefined),
      ...own,
    ];
    const sharedArgs = shared({ kind: "file", path: "" });
    const sandbox = planned && withProgram(planned, pi.argv, sharedArgs);
    // The file of a session of another directory, of which this one is a copy.
    if (place.kind === "file" && place.copyId !== undefined) sandbox?.programs.push(place.path);
    return {
      pi,
      args,
      spareArgs: shared({ kind: "new", id: randomUUID() }),
      cwd,
      env,
      setting,
      kind: {
        key: agentKey({ pi, args: sharedArgs, options, env, cwd, sandbox: sandbox?.key, setting }),
        ...(startsServers({ version: pi.version, agentDir, cwd, options }) ? { startsServers: true } : {}),
        ...(scripted === undefined && explicit.model !== undefined ? { model: explicit.model } : {}),
        ...(explicit.thinking === undefined ? {} : { thinking: explicit.thinking }),
      },
      model: scripted ?? model,
      thinking: expected.thinking ?? plan.file?.thinking,
      sandbox,
      // A spare restores what the file names, and nothing else.
      spareWillDo: place.kind === "file" && (scripted !== undefined || explicit.model === undefined),
      verify: async (agent, state) =>
        await verify(plan, { ...expected, model: scripted ?? model }, agent, state),
      toolsDifference: (agent) => toolsDifference(plan, agent),
    };
  }

  /** Starts an agent. The handlers get its records until {@link Agent.reportTo} names others. */
  async start(plan: AgentPlan, caller: Caller, handlers: AgentHandlers): Promise<StartedAgent> {
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
  async launch(launch: AgentLaunch, handlers: AgentHandlers): Promise<StartedAgent> {
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
    // pi tells of broken settings itself, and says nothing here of models that it can't read.
    const { agent } = started;
    agent.startWarnings = [
      ...agent.startWarnings,
      ...brokenPiFiles(agentDirOf(launch.env, launch.cwd), ["models.json"]),
    ];
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
    try {
      return { ...started, ...(await launch.verify(started.agent, started.state)) };
    } catch (error) {
      await started.agent.stop();
      throw error;
    }
  }

  /** How an agent of this starter was started. */
  kindOf(agent: Agent): Omit<Spare, "agent"> | undefined {
    return this.#kinds.get(agent);
  }
}

/** pi reads a project's settings at each start, whoever wrote them: it would wait for a pipe, and fill its memory. */
function refuseUnfitSettings(path: string): void {
  try {
    readPiFile(path);
  } catch (error) {
    if (!isUnfit(error)) return;
    throw new PictlError(
      "AGENT_START_FAILED",
      `${path} ${agentFileProblem(error)}, and pi reads it at its start.`,
      {
        hint: "Something else was put in the place of the project's settings: look at it, and take it away.",
        details: { path },
        cause: error,
      },
    );
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

function expectedOf({ place, options, promised, file, change = {} }: AgentPlan): Expected {
  const own =
    place.kind === "file"
      ? expectedWithFile(promised, file ?? { messages: 1 }, () => branchSelection(place.path).models)
      : withoutFile(promised ?? options);
  const { model = own.model, thinking = change.model === undefined ? own.thinking : undefined } = change;
  const explicit = { ...own.explicit };
  if (change.model !== undefined) explicit.model = model;
  if (change.thinking !== undefined) explicit.thinking = thinking;
  return { model, thinking, explicit };
}

/**
 * Refuses a scenario that only the session's file names: it decides which commands run, and an agent in a sandbox may
 * have written the file.
 */
function refuseUnasked(model: string, { sessionId, options, promised, change }: AgentPlan): void {
  if (!isScriptedModel(model) || isBuiltIn(model)) return;
  if ([change?.model, promised?.model, options.model].includes(model)) return;
  const which = sessionId === undefined ? "The session" : `Session ${sessionId}`;
  throw new PictlError(
    "MODEL_UNAVAILABLE",
    `${which}'s file names the model ${model}, which nobody has asked for. Nothing was sent.`,
    {
      hint: `A scenario decides which commands run, and whatever can write the file could name it. Look at the scenario, then accept it with \`--model ${model}\`, or choose another model.`,
      details: { ...(sessionId === undefined ? {} : { sessionId }), model },
    },
  );
}

function withoutFile({ model, thinking }: ModelAndLevel): Expected {
  return { model, thinking, explicit: { model, thinking } };
}

/** `provider/id` of the models that pi has a credential for. */
async function availableModels(agent: Agent): Promise<string[]> {
  const { models } = await agent.call({ type: "get_available_models" }, MODELS_TIMEOUT_MS);
  return models.map(({ provider, id }) => `${provider}/${id}`);
}

function toolsDifference(
  { sessionId, place, promised, promisedTools, options }: AgentPlan,
  agent: Agent,
): PictlError | undefined {
  if (promisedTools === undefined || !choosesTools(options)) return undefined;
  return findToolsDifference(sessionId, promisedTools, agent.tools, {
    path: place.kind === "file" ? place.path : undefined,
    isSandboxed: agent.sandbox !== undefined || promised?.isSandboxed === true,
  });
}

async function verify(
  plan: AgentPlan,
  expected: Expected,
  agent: Agent,
  state: AgentState,
): Promise<Differences> {
  const { place, promisedTools, options, change } = plan;
  const difference = await modelDifference(plan, expected, agent, state);
  if (promisedTools === undefined && place.kind !== "file") refuseUnknownTools(options, agent.tools);
  const tools = toolsDifference(plan, agent);
  if (tools !== undefined && !change?.anyModel) throw tools;
  const isNew = place.kind !== "file" && plan.promised === undefined;
  const asked = isNew ? expected.explicit : { model: change?.model, thinking: change?.thinking };
  // The next prompt hears of them. By then the model is there again, or another one was chosen.
  const said = difference?.isModel ? withoutUnrestored(agent.startWarnings) : agent.startWarnings;
  agent.startWarnings = [...said, ...substitutions(asked, state)];
  return { difference, toolsDifference: tools };
}

async function modelDifference(
  { sessionId, place, promised, file, change = {} }: AgentPlan,
  expected: Expected,
  agent: Agent,
  state: AgentState,
): Promise<Difference | undefined> {
  const isNew = place.kind !== "file" && promised === undefined;
  const isChosen = isNew || change.model !== undefined;
  const { model: named } = expected.explicit;
  let found: Pick<AgentState, "model" | "thinkingLevel"> = state;
  if (named !== undefined && !isScriptedModel(named)) {
    const listed = await availableModels(agent);
    if (isChosen) refuseUnlisted(state, listed);
    else if (!listed.includes(modelOf(state) ?? "")) found = { thinkingLevel: expected.thinking ?? "" };
  }
  const wanted = {
    // What was just asked for may be a pattern, and a level that pi fits to the model.
    model: isChosen ? undefined : expected.model,
    thinking: isNew || change.thinking !== undefined ? undefined : expected.thinking,
  };
  let difference = findDifference(sessionId, wanted, found);
  if (
    difference !== undefined &&
    place.kind === "file" &&
    agent.sandbox === undefined &&
    !promised?.isSandboxed
  ) {
    // An extension has chosen it at this start, or the summary doesn't know which branch is the active one.
    const { models, thinking } = branchSelection(place.path);
    if (models[0] === modelOf(state)) wanted.model = undefined;
    if (thinking === state.thinkingLevel) wanted.thinking = undefined;
    difference = findDifference(sessionId, wanted, found);
  }
  if (difference === undefined) return undefined;
  if (!change.anyModel) throw difference.error;
  return { ...difference, thinking: expected.thinking ?? file?.thinking };
}
