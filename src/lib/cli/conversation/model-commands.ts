import { thinkingLevels } from "../../core/choices.ts";
import { PictlError } from "../../core/errors.ts";
import { modelName } from "../find-model.ts";
import { compactNumber } from "../render/numbers.ts";
import type { Choice } from "./face.ts";
import type { CommandContext } from "./slash-command.ts";
import type { Talk } from "./talk.ts";

type ThinkingLevel = (typeof thinkingLevels)[number];

/** `/model`: the one that is named, else one of those that there are. */
export async function chooseModel({ talk, face, argument }: CommandContext): Promise<void> {
  const name = argument === "" ? await face.choose("Model", await modelChoices(talk)) : argument;
  if (name === undefined) return;
  await talk.setModel(name);
  talk.conversation.notice("quiet", `Model: ${talk.model ?? name}`);
}

async function modelChoices(talk: Talk): Promise<Choice[]> {
  const models = await talk.models();
  if (models.length === 0) {
    throw new PictlError("NO_MODEL", "pi has no credential for any model.", { hint: "Run `pi` and /login." });
  }
  return models.map((model) => ({
    value: modelName(model),
    label: modelName(model),
    ...(model.contextWindow === undefined
      ? {}
      : { description: `${compactNumber(model.contextWindow)} context` }),
  }));
}

export async function completeModel(talk: Talk, prefix: string): Promise<Choice[]> {
  if (talk.sessionId === undefined) return [];
  const wanted = prefix.toLowerCase();
  return (await modelChoices(talk)).filter(({ value }) => value.toLowerCase().includes(wanted));
}

/** `/thinking`: the level that is named, else one of those that the model has. */
export async function chooseThinking({ talk, face, argument }: CommandContext): Promise<void> {
  const level = argument === "" ? await face.choose("Thinking", await levelChoices(talk)) : argument;
  if (level === undefined) return;
  if (!isLevel(level)) {
    throw new PictlError("USAGE", `There is no thinking level "${level}".`, {
      hint: `The levels are ${thinkingLevels.join(", ")}.`,
    });
  }
  await talk.setThinking(level);
  // pi takes the nearest that the model has.
  talk.conversation.notice("quiet", `Thinking: ${talk.thinking ?? level}`);
}

export async function completeThinking(talk: Talk, prefix: string): Promise<Choice[]> {
  return (await levelChoices(talk)).filter(({ value }) => value.startsWith(prefix.toLowerCase()));
}

async function levelChoices({ client, sessionId }: Talk): Promise<Choice[]> {
  const levels =
    sessionId === undefined
      ? thinkingLevels
      : ((await client.command("get_available_thinking_levels", { sessionId })) as { levels: string[] })
          .levels;
  return levels.map((level) => ({ value: level, label: level }));
}

function isLevel(level: string): level is ThinkingLevel {
  return (thinkingLevels as readonly string[]).includes(level);
}
