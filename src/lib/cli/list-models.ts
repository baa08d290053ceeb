import type { Client } from "../client/client.ts";
import { PictlError } from "../core/errors.ts";
import { availableModels } from "./change-model.ts";
import type { PiModel } from "./pi-data.ts";
import { currentDirectory, targetFrom } from "./session-flags.ts";

/**
 * The models that can be used: in the session that is named, else in the current one of this directory, else in
 * one that is made for the question and leaves nothing behind.
 */
export async function listModels(client: Client, session: string | undefined): Promise<PiModel[]> {
  try {
    return await availableModels(client, targetFrom(session));
  } catch (error) {
    const isMissing = error instanceof PictlError && error.code === "SESSION_NOT_FOUND";
    if (session !== undefined || !isMissing) throw error;
  }
  return await listModelsOfNewSession(client);
}

/** The models that a new session of this directory can use. */
export async function listModelsOfNewSession(client: Client): Promise<PiModel[]> {
  const { sessionId } = await client.request("create_session", {
    cwd: currentDirectory(),
    options: { ephemeral: true },
    current: false,
  });
  try {
    return await availableModels(client, { sessionId });
  } finally {
    await client.request("close_session", { sessionId });
  }
}
