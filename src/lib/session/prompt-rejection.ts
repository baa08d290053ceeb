import type { Agent } from "../agent/agent.ts";
import { PictlError } from "../core/errors.ts";

/** Both are answered from memory; longer means the agent is stuck. */
const COMMAND_TIMEOUT_MS = 30_000;

/** The ways to give pi a model, for whoever has none. */
export const WAYS_TO_A_MODEL =
  "Export an API key (for example ANTHROPIC_API_KEY), or log in with pi itself (run `pi`, then /login), " +
  "or try pictl without any account: `pictl prompt --model scripted/echo`";

/**
 * pi's refusal of a prompt. pi tells it as a sentence only, so what is told apart is told by pi's state and
 * not by its words.
 *
 * @param access whether pi has a model with a credential; undefined where that isn't known
 */
export function rejectedPromptError(
  reason: string | undefined,
  access: { model?: string; usable: boolean } | undefined,
): PictlError {
  if (access === undefined || access.usable) {
    return new PictlError("PROMPT_REJECTED", `pi refused the prompt: ${reason ?? "no reason given"}`);
  }
  const which =
    access.model === undefined ? "No model is configured." : `There is no credential for ${access.model}.`;
  return new PictlError("NO_MODEL", which, {
    hint: WAYS_TO_A_MODEL,
    details: { ...(access.model === undefined ? {} : { model: access.model }), pi: reason },
  });
}

/** Asks pi for what tells a missing login from other refusals, and gives the error. */
export async function promptRejection(agent: Agent, reason: string | undefined): Promise<PictlError> {
  const { model } = await agent.call({ type: "get_state" }, COMMAND_TIMEOUT_MS);
  const { models } = await agent.call({ type: "get_available_models" }, COMMAND_TIMEOUT_MS);
  // Without any credential pi has a placeholder for a model.
  if (model === undefined || models.length === 0) return rejectedPromptError(reason, { usable: false });
  const usable = models.some(({ provider }) => provider === model.provider);
  return rejectedPromptError(reason, { model: `${model.provider}/${model.id}`, usable });
}
