import type { Client } from "../client/client.ts";
import { PictlError } from "../core/errors.ts";
import { shellQuote } from "../core/shell-quote.ts";
import type { SessionReference } from "../protocol/requests.ts";
import { targetFrom } from "./session-flags.ts";

/** A longer word is a text: names are shorter. */
const MAX_NAME_LENGTH = 200;

export interface ArgumentReading {
  /** The command's own arguments, as they were typed. */
  argv: readonly string[];
  /** Words of the command: `session compact`. */
  command: string;
  /** What the argument is: `the instructions`. */
  meaning: string;
}

/**
 * Refuses the first argument of a command that takes its session with -s, where that argument is the name or the id of
 * a session here: `session compact review` must not compact the current session. Behind `--`, or with -s, it is taken
 * as it is.
 *
 * @param words the arguments without flags
 * @throws PictlError USAGE with both readings
 */
export async function refuseSessionWord(
  client: Client,
  words: readonly string[],
  { argv, command, meaning }: ArgumentReading,
): Promise<void> {
  const [word] = words;
  if (word === undefined || word.trim() === "" || word.length > MAX_NAME_LENGTH) return;
  const end = argv.indexOf("--");
  const behind = end === -1 ? 0 : argv.length - end - 1;
  if (behind >= words.length || argv.some((arg, index) => isSessionFlag(arg) && (end === -1 || index < end)))
    return;
  const { cwd } = targetFrom(undefined);
  if (cwd === undefined) return;
  const sessions = await match(client, cwd, word);
  const [first] = sessions;
  if (first === undefined) return;
  const quoted = shellQuote(word);
  throw new PictlError(
    "USAGE",
    `"${word}" is a session (${first.sessionId} of ${first.cwd}), and \`${command}\` would take it as ${meaning}.`,
    {
      hint: `For that session: pictl ${command} -s ${quoted}. To give it as ${meaning}: pictl ${command} -- ${quoted}`,
      details: { word, sessions },
    },
  );
}

async function match(client: Client, cwd: string, word: string): Promise<SessionReference[]> {
  try {
    return (await client.request("match_sessions", { cwd, word })).sessions;
  } catch (error) {
    // A daemon of an older build.
    if (error instanceof PictlError && error.code === "UNKNOWN_COMMAND") return [];
    throw error;
  }
}

function isSessionFlag(arg: string): boolean {
  return /^(-s|--session(=|$))/.test(arg);
}
