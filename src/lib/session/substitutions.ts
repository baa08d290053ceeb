import type { AgentState } from "../agent/agent.ts";
import { isScriptedModel } from "../agent/scripted-model/model-id.ts";
import { type ModelAndLevel, modelOf } from "./promised.ts";

/**
 * Warnings where pi silently took something else than was asked for: another model of the provider whose name is close,
 * or the nearest thinking level that the model has. A part of a name without a provider is a pattern, and no surprise.
 */
export function substitutions(asked: ModelAndLevel, state: AgentState): string[] {
  const found = modelOf(state);
  if (found === undefined) return [];
  const [name, level] = splitLevel(asked.model ?? "", found);
  const isExact = [found, found.slice(found.indexOf("/") + 1)].some((one) => isSame(one, name));
  const isOther = name.includes("/") && !isScriptedModel(name) && !isExact;
  const wanted = asked.thinking ?? level;
  const got = state.thinkingLevel ?? "off";
  return [
    ...(isOther ? [`pi has no model ${name} and uses ${found}. Use \`--model\` to choose another one.`] : []),
    ...(wanted !== undefined && wanted !== got
      ? [`${found} has no thinking level ${wanted}, so the level is ${got}.`]
      : []),
  ];
}

/** Splits a thinking level off (`provider/id:high`), unless the id itself ends in one. */
function splitLevel(model: string, found: string): [name: string, level: string | undefined] {
  const [, name, level] = /^(.+):(off|minimal|low|medium|high|xhigh|max)$/.exec(model) ?? [];
  return name === undefined || found.endsWith(`:${level}`) ? [model, undefined] : [name, level];
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
