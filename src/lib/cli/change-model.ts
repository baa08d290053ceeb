import { existsSync } from "node:fs";
import type { Client } from "../client/client.ts";
import { PictlError } from "../core/errors.ts";
import { didYouMean, nearest } from "../core/nearest.ts";
import { findModel } from "./find-model.ts";
import type { PiModel, PiState } from "./pi-data.ts";
import { absoluteScenario } from "./session-flags.ts";

const SCRIPTED = "scripted/";

/**
 * Sets the model of a session to the one that is meant by `name`.
 *
 * @throws PictlError INVALID_INPUT when no model, or more than one, is meant
 */
export async function setModel(client: Client, target: object, name: string): Promise<void> {
  const { provider, id } = await meantModel(name, () => availableModels(client, target));
  await client.command("set_model", { ...target, provider, modelId: id });
}

/**
 * The model that is meant by `name`.
 *
 * @param list the models that can be used
 * @throws PictlError INVALID_INPUT when no model, or more than one, is meant
 */
export async function meantModel(
  name: string,
  list: () => Promise<PiModel[]>,
): Promise<{ provider: string; id: string }> {
  // A scenario isn't among pi's models before an agent was started with it.
  if (!name.startsWith(SCRIPTED)) return findModel(await list(), name);
  const id = absoluteScenario(name).slice(SCRIPTED.length);
  if (/^echo(:|$)/.test(id) || existsSync(id)) return { provider: "scripted", id };
  const suggestions = nearest(name, [`${SCRIPTED}echo`]);
  throw new PictlError("INVALID_INPUT", `There is no scenario ${id}.`, {
    hint: didYouMean(suggestions) ?? "Name a scenario file as scripted/PATH, or use scripted/echo.",
    details: { model: name, suggestions },
  });
}

/** The models that pi has a credential for. */
export async function availableModels(client: Client, target: object): Promise<PiModel[]> {
  const { models } = (await client.command("get_available_models", { ...target })) as { models: PiModel[] };
  return models;
}

/**
 * pi's view of a session whose model and thinking level are the session's own.
 *
 * @throws PictlError MODEL_UNAVAILABLE where pi took others in their place, as a prompt is refused
 */
export async function ownStateOf(client: Client, target: object): Promise<PiState> {
  return (await client.command("get_state", { ...target, ownModel: true })) as PiState;
}

/** pi's own view of a session. */
export async function stateOf(client: Client, target: object): Promise<PiState> {
  return (await client.command("get_state", { ...target })) as PiState;
}
