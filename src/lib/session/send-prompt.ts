import type { Agent } from "../agent/agent.ts";
import type { PromptParams } from "./prompt-queue.ts";
import { promptRejection, rejectedPromptError } from "./prompt-rejection.ts";

type Prompt = Pick<PromptParams, "message" | "images">;

/**
 * Sends a prompt that begins a turn.
 *
 * @param onAccepted runs synchronously when pi has accepted it, before any record of its run is handled
 * @returns what pi says becomes of it ("started", "handled" by an extension's command); pi 0.x doesn't say
 * @throws PictlError NO_MODEL, PROMPT_REJECTED
 */
export async function sendPrompt(
  agent: Agent,
  { message, images }: Prompt,
  onAccepted: (disposition: string | undefined) => void,
): Promise<string | undefined> {
  let disposition: string | undefined;
  const command = { type: "prompt", message, ...(images ? { images } : {}) };
  const response = await agent.request(command, {
    onResponse: (answer) => {
      if (!answer.success) return;
      disposition = (answer.data as { disposition?: string } | undefined)?.disposition;
      onAccepted(disposition);
    },
  });
  if (!response.success) throw await promptRejection(agent, response.error);
  return disposition;
}

/**
 * Hands a prompt to one of pi's queues, for the turn that runs.
 *
 * @param onAccepted as of {@link sendPrompt}
 * @throws PictlError PROMPT_REJECTED
 */
export async function handOver(
  agent: Agent,
  { message, images }: Prompt,
  streamingBehavior: "steer" | "followUp",
  onAccepted: () => void,
): Promise<void> {
  const command = { type: "prompt", message, ...(images ? { images } : {}), streamingBehavior };
  const response = await agent.request(command, {
    onResponse: (answer) => {
      if (answer.success) onAccepted();
    },
  });
  if (!response.success) throw rejectedPromptError(response.error, undefined);
}
