import { cutText } from "../../core/cut-text.ts";
import type { SessionInfo } from "../../protocol/session.ts";
import { timeOf } from "../render/numbers.ts";
import { stateText } from "../render/session-state.ts";
import { sanitize } from "../render/text-width.ts";
import { currentDirectory } from "../session-flags.ts";
import type { Choice } from "./face.ts";
import { type CommandContext, noSession } from "./slash-command.ts";

/** `/sessions`: goes to another session of the directory. */
export async function chooseSession({ talk, face }: CommandContext): Promise<void> {
  const cwd = talk.conversation.info?.cwd ?? currentDirectory();
  const { sessions } = await talk.client.request("list_sessions", { cwd });
  const others = sessions.filter(({ id }) => id !== talk.sessionId);
  if (others.length === 0) {
    talk.conversation.notice("info", "This directory has no other session. /new starts one.");
    return;
  }
  const chosen = await face.choose("Session", others.map(sessionChoice));
  if (chosen !== undefined) await talk.moveTo(chosen);
}

function sessionChoice(session: SessionInfo): Choice {
  const { id, name, firstMessage, modifiedAt } = session;
  const title = name ?? (firstMessage === undefined ? id.slice(0, 8) : oneLine(firstMessage));
  return {
    value: id,
    label: oneLine(title),
    description: `${stateText(session)} · ${timeOf(modifiedAt, 5)}`,
  };
}

/** `/fork`: a new session from before one of the messages, which can then be sent differently. */
export async function fork({ talk, face }: CommandContext): Promise<void> {
  const { sessionId } = talk;
  if (sessionId === undefined) throw noSession("There is no message to go back to yet.");
  const { messages } = await talk.client.request("get_fork_messages", { sessionId });
  if (messages.length === 0) throw noSession("There is no message to go back to yet.");
  // The last one is what one most often wants to say differently.
  const choices = messages.map(({ entryId, number, text }) => ({
    value: entryId,
    label: `${number}. ${oneLine(text)}`,
  }));
  const chosen = await face.choose("Go back to", choices.reverse());
  if (chosen === undefined) return;
  const forked = await talk.client.request("fork", { sessionId, at: chosen });
  await talk.moveTo(forked.sessionId);
  talk.conversation.notice("quiet", "This is a new session; the one before stays as it was (/sessions)");
  face.setInput(forked.text);
}

/** `/new`: the session is made by the next message. */
export async function startNew({ talk }: CommandContext): Promise<void> {
  await talk.startFresh();
}

function oneLine(text: string): string {
  return cutText(sanitize(text).replace(/\s+/g, " ").trim(), 200);
}
