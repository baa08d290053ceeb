import { toPictlError } from "../../core/errors.ts";
import { adviceHere } from "./advice.ts";
import type { Face } from "./face.ts";
import { parseSlashCommand } from "./slash-commands.ts";
import type { Talk } from "./talk.ts";

/** Errors that a command has to fix first: the message must not stay in front of that command. */
const NEEDS_COMMAND = ["NO_MODEL", "MODEL_UNAVAILABLE"];

/**
 * Does what a person has typed: one of the conversation's commands, a shell command (`!`), or a message for the
 * agent. What goes wrong is shown in the conversation, and a message that wasn't taken is given back.
 */
export async function handleInput(
  { talk, face }: { talk: Talk; face: Face },
  text: string,
  whenBusy: "steer" | "followUp" = "steer",
): Promise<void> {
  const line = text.trim();
  if (line === "") return;
  const own = parseSlashCommand(line);
  const shell = /^(!!?)\s*(\S[\s\S]*)$/.exec(line);
  try {
    if (own !== undefined) await own.command.run({ talk, face, argument: own.argument });
    else if (shell !== null) await talk.shell(shell[2] ?? "", shell[1] === "!!");
    else await talk.prompt(text, whenBusy);
  } catch (error) {
    const failure = toPictlError(error);
    const { code, message } = failure;
    const hint = adviceHere(failure);
    // Said when the whole conversation ends.
    if (code === "DAEMON_UNREACHABLE") return;
    if (code === "TURN_ABORTED") talk.conversation.notice("quiet", "Aborted");
    else talk.conversation.notice("error", hint === undefined ? message : `${message}\n${hint}`);
    if (own !== undefined || shell !== null) return;
    if (NEEDS_COMMAND.includes(code)) face.setAside(text);
    else face.setInput(text);
  }
}
