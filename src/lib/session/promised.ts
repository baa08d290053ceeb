import type { AgentState } from "../agent/agent.ts";
import { isScriptedModel } from "../agent/scripted-model/model-id.ts";
import { PictlError } from "../core/errors.ts";
import { activeBranch, readEntries } from "./files/entries.ts";

/** A model (`provider/id`) and a thinking level. */
export interface ModelAndLevel {
  model?: string | undefined;
  thinking?: string | undefined;
}

/** What a session had when an agent last held it, by value. Kept in the registry. */
export interface PromisedState extends ModelAndLevel {
  /** What its file said at that time: a later difference there was made by a turn, or by somebody else. */
  inFile?: ModelAndLevel;
  /** Its agent ran in a sandbox, and could write anything into the file. */
  isSandboxed?: boolean;
}

/** What the session's file says, as the listing's summary has it. */
export interface FileState extends ModelAndLevel {
  messages: number;
}

/** What an agent must come up with. */
export interface Expected extends ModelAndLevel {
  /** What pi's command line must name, because pi wouldn't choose it by itself. */
  explicit: ModelAndLevel;
}

/** How an agent differs from what was promised. */
export interface Difference {
  /** Whether the model is another one, or only the thinking level. */
  isModel: boolean;
  /** The level that the session had, which an agent with another model has lost. */
  thinking?: string | undefined;
  error: PictlError;
}

/**
 * What the agent of a session with a file must come up with.
 *
 * The registry's values count for as long as nobody changed the file's: a change in the file was asked for in pi's
 * own interface. What stands in the file of a sandboxed session is a claim, so there the registry always counts.
 *
 * @param branchModels the models that the active branch names; called only when the summary isn't enough
 */
export function expectedWithFile(
  promised: PromisedState | undefined,
  file: FileState,
  branchModels: () => string[],
): Expected {
  const isClaim = promised?.isSandboxed === true;
  const { model: had, thinking: hadLevel, inFile = {} } = promised ?? {};
  const isUnchanged = (key: keyof ModelAndLevel) => isClaim || file[key] === inFile[key];
  let { model } = file;
  // Without messages pi ignores what the file names.
  let isRestored = file.messages > 0;
  if (had !== undefined && had !== file.model) {
    const isInBranch = !isClaim && branchModels().includes(had);
    if (isInBranch || isUnchanged("model")) {
      model = had;
      isRestored &&= isInBranch;
    }
  }
  // A level that only the file names is a request, which pi fits to the model as it does for everybody.
  const isKept = model === had && (hadLevel === file.thinking || isUnchanged("thinking"));
  const thinking = isKept ? hadLevel : undefined;
  const explicit: ModelAndLevel = {};
  if (!isRestored) explicit.model = model;
  if (file.messages === 0 || (isKept && thinking !== file.thinking)) explicit.thinking = thinking;
  return { model, thinking, explicit };
}

/**
 * The models that pi may restore from a session's file: the last one that was chosen on the active branch, or the
 * one that answered last and, because that may stand for a virtual model, the one chosen before.
 * Source: pi's virtual-models.js, `getBranchSelection`.
 */
export function branchSelection(path: string): { models: string[]; thinking: string | undefined } {
  const models: string[] = [];
  let thinking: string | undefined;
  let hasChange = false;
  for (const entry of activeBranch(readEntries(path).entries).reverse()) {
    if (entry.type === "thinking_level_change") thinking ??= entry.thinkingLevel;
    if (entry.type === "model_change" && !hasChange) {
      models.push(`${entry.provider}/${entry.modelId}`);
      hasChange = true;
    }
    if (entry.type === "message" && entry.message.role === "assistant" && models.length === 0)
      models.push(`${entry.message.provider}/${entry.message.model}`);
    if (hasChange && thinking !== undefined) break;
  }
  return { models, thinking };
}

/** `provider/id` of the model that an agent has; undefined without one, where pi has a placeholder. */
export function modelOf({ model }: { model?: AgentState["model"] | undefined }): string | undefined {
  const name = model && `${model.provider}/${model.id}`;
  return name === "unknown/unknown" ? undefined : name;
}

/** Whether an agent's model is the wanted one. A scripted one may carry a thinking level, which pi takes off. */
export function isSameModel(wanted: string, found: string | undefined): boolean {
  return found === wanted || (isScriptedModel(wanted) && wanted.startsWith(`${found}:`));
}

/** Compares what an agent came up with to what its session had. */
export function findDifference(
  sessionId: string | undefined,
  expected: ModelAndLevel,
  state: Pick<AgentState, "model" | "thinkingLevel">,
): Difference | undefined {
  const found = modelOf(state);
  const details = { ...(sessionId === undefined ? {} : { sessionId }) };
  const which = sessionId === undefined ? "The session" : `Session ${sessionId}`;
  // Without it the advice would change the current session.
  const here = sessionId === undefined ? "" : ` -s ${sessionId}`;
  if (expected.model !== undefined && !isSameModel(expected.model, found)) {
    const { model } = expected;
    const error = new PictlError(
      "MODEL_UNAVAILABLE",
      `${which} has the model ${model}, but pi can't use it${found === undefined ? "" : ` and would use ${found}`}. Nothing was sent.`,
      {
        hint: `Make ${model} available (its API key in this shell, models.json, its extension), or go on with ${
          found === undefined
            ? `another one of \`pictl model list\`: \`pictl prompt${here} --model X\``
            : `${found}: \`pictl prompt${here} --model ${found}\` or \`pictl session model${here} ${found}\``
        }.`,
        details: { ...details, model, found: found ?? null },
      },
    );
    return { isModel: true, error };
  }
  if (expected.thinking !== undefined && expected.thinking !== state.thinkingLevel) {
    const { thinking } = expected;
    const level = state.thinkingLevel ?? "off";
    const error = new PictlError(
      "MODEL_UNAVAILABLE",
      `${which} has the thinking level ${thinking}, but ${found ?? "its model"} only offers ${level} now. Nothing was sent.`,
      {
        hint: `Correct the model in models.json, or go on with the other level: \`pictl prompt${here} --thinking ${level}\` or \`pictl session thinking${here} ${level}\`.`,
        details: { ...details, model: found ?? null, thinking, found: level },
      },
    );
    return { isModel: false, error };
  }
  return undefined;
}

/**
 * Refuses a model id that pi would take as it is although it doesn't list it: a typing error mostly, and pi couldn't
 * restore it for the next turn either. Where no model of the provider is listed, its credential is missing instead,
 * which the first prompt reports.
 *
 * @param listed the models that pi has a credential for
 * @throws PictlError MODEL_UNAVAILABLE
 */
export function refuseUnlisted(state: Pick<AgentState, "model">, listed: readonly string[]): void {
  const found = modelOf(state);
  const provider = state.model?.provider ?? "";
  const others = listed.filter((model) => model.startsWith(`${provider}/`));
  if (found === undefined || others.length === 0 || others.includes(found)) return;
  throw new PictlError("MODEL_UNAVAILABLE", `pi lists no model ${found}.`, {
    hint: `See \`pictl model list ${provider}/\`, or add it to models.json.`,
    details: { model: found, available: others.length },
  });
}
