import type { Client } from "../client/client.ts";
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
  const { provider, id } = name.startsWith(SCRIPTED)
    ? // Not among pi's models before an agent was started with it.
      { provider: "scripted", id: absoluteScenario(name).slice(SCRIPTED.length) }
    : findModel(await availableModels(client, target), name);
  await client.command("set_model", { ...target, provider, modelId: id });
}

/** The models that pi has a credential for. */
export async function availableModels(client: Client, target: object): Promise<PiModel[]> {
  const { models } = (await client.command("get_available_models", { ...target })) as { models: PiModel[] };
  return models;
}

/** pi's own view of a session. */
export async function stateOf(client: Client, target: object): Promise<PiState> {
  return (await client.command("get_state", { ...target })) as PiState;
}
