import type { Client } from "../../client/client.ts";
import { resolvePaths } from "../../core/paths.ts";
import { writeStderr } from "../output.ts";
import { colorLevel } from "../render/color.ts";
import type { Ending, Show } from "./show.ts";
import { type ConversationOptions, Talk } from "./talk.ts";

/** By convention 128 and the number of the signal. */
const SIGNAL_CODES = { SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Lets a person talk with a session at the terminal until they leave. What the agent does goes on without them.
 *
 * @returns the exit code: 0 when the person left, 9 when the daemon went away, 143 or 129 after a signal
 * @throws PictlError when the session can't be shown
 */
export async function runConversation(client: Client, options: ConversationOptions): Promise<number> {
  const talk = new Talk(client, options);
  const { promise: ended, resolve: end } = Promise.withResolvers<Ending>();
  const stopClose = client.onClose((lost) => end({ code: lost.exitCode, lost }));
  const onSignal = (signal: NodeJS.Signals) =>
    end({ code: SIGNAL_CODES[signal as keyof typeof SIGNAL_CODES] });
  const onHangup = () => end({ code: SIGNAL_CODES.SIGHUP });
  for (const signal of Object.keys(SIGNAL_CODES)) process.on(signal, onSignal);
  process.stdin.on("error", onHangup);
  try {
    await talk.open();
    const show = process.env.TERM === "dumb" ? await plain() : await onScreen();
    const ending = await show(talk, { ended, leave: (code = 0) => end({ code }) });
    await sayGoodbye(talk, ending);
    return ending.code;
  } finally {
    for (const signal of Object.keys(SIGNAL_CODES)) process.off(signal, onSignal);
    process.stdin.off("error", onHangup);
    stopClose();
    talk.close();
    // A terminal that is being read keeps the process alive.
    process.stdin.pause();
  }
}

async function onScreen(): Promise<Show> {
  const [{ createTheme }, { Screen }, { ScreenFace }, { HistoryFile }] = await Promise.all([
    import("./theme.ts"),
    import("./screen.ts"),
    import("./screen-face.ts"),
    import("./history-file.ts"),
  ]);
  return async (talk, { ended, leave }) => {
    const screen = new Screen(
      talk,
      createTheme(colorLevel(process.stdout)),
      resolvePaths(process.env).stateDir,
    );
    const face = new ScreenFace(talk, screen, new HistoryFile(), () => leave());
    // In raw mode Ctrl-D is a key: only a terminal that has gone ends.
    const onHangup = () => leave(SIGNAL_CODES.SIGHUP);
    // Whatever ends the process, a bug included: a terminal in raw mode is of no use to anybody.
    const restore = () => screen.stop();
    const onInterrupt = () => face.interrupt();
    process.on("exit", restore).on("SIGINT", onInterrupt);
    process.stdin.on("end", onHangup);
    try {
      await face.start();
      screen.start();
      return await ended;
    } finally {
      face.stop();
      screen.stop();
      process.off("exit", restore).off("SIGINT", onInterrupt);
      process.stdin.off("end", onHangup);
    }
  };
}

async function plain(): Promise<Show> {
  const { talkPlainly } = await import("./plain-face.ts");
  return talkPlainly;
}

/** What becomes of the turn and the session, and how to go on. */
async function sayGoodbye({ conversation, sessionId }: Talk, { lost }: Ending): Promise<void> {
  const lines = lost === undefined ? [] : [`${lost.message} [${lost.code}]`];
  if (lost === undefined && conversation.busy) lines.push("The turn goes on without this terminal.");
  if (sessionId !== undefined) lines.push(`Go on with: pictl prompt -s ${sessionId}`);
  if (lines.length > 0) await writeStderr(`${lines.join("\n")}\n`);
}
