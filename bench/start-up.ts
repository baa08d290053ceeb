import { readFileSync } from "node:fs";

/**
 * A command line for each command whose time is its own: what starts, stops or compacts something, or runs as
 * long as somebody wants, is left out, and so is what needs a terminal.
 */
const LINES: readonly string[] = [
  "session list",
  "session show",
  "session show --messages",
  "session last",
  "session messages",
  "session entries",
  "session tree",
  "session stats",
  "session export",
  "session model",
  "session thinking",
  "session settings",
  "session commands",
  "session queue list",
  "session queue clear",
  "session wait",
  "session watch --until idle",
  "session abort",
  "session bash true",
  'session send {"type":"get_state"}',
  "session rename bench",
  "history search bench",
  "history list",
  "history stats",
  "history status",
  "model list",
  "config show",
  "config get format",
  "config path",
  "sandbox show",
  "sandbox explain /etc",
  "sandbox log",
  "daemon status",
  "daemon logs -n 1",
  "completion bash",
];

/** A TAB that asks for sessions. */
const COMPLETION = ["complete", "bash", "--", "pictl session show ", ":"];

/** Why the other commands have no row. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  prompt: "has rows of its own",
  "session prompt": "is prompt",
  complete: "has a line of its own",
  "session create": "starts pi",
  "session fork": "starts pi",
  "session clone": "starts pi",
  "session respond": "exits 4 where nothing is asked, and is otherwise session show",
  "session compact": "has the model work",
  "session close": "ends pi",
  "session delete": "ends pi",
  "config set": "writes, and is otherwise config get",
  "config unset": "writes, and is otherwise config get",
  "sandbox init": "writes a file, and is otherwise sandbox show",
  "sandbox run": "runs somebody's command",
  "sandbox review": "needs a sandboxed session, and is otherwise session show",
  "sandbox check": "makes sandboxes for some seconds",
  "history show": "is otherwise session show --messages",
  "history export": "is history search, and writes more",
  "history reindex": "reads every session",
  "history forget": "changes what the other lines measure",
  "daemon start": "starts the daemon",
  "daemon stop": "ends the daemon",
  "daemon restart": "ends the daemon",
  "daemon run": "is the daemon",
  "daemon install": "writes two files, and is otherwise config path",
  "daemon uninstall": "removes two files, and is otherwise config path",
  doctor: "starts programs to look at them",
};

/**
 * The command lines to measure.
 *
 * @throws Error when a command of the manifest is neither measured nor left out for a reason
 */
export function startUpLines(manifestFile: string): string[][] {
  const { commands } = JSON.parse(readFileSync(manifestFile, "utf8")) as {
    commands: Record<string, unknown>;
  };
  for (const id of Object.keys(commands)) {
    const name = id.replaceAll(":", " ");
    const measured = LINES.some((line) => line === name || line.startsWith(`${name} `));
    if (!measured && LEFT_OUT[name] === undefined)
      throw new Error(`bench/start-up.ts has no line for ${name}`);
  }
  return [...LINES.map((line) => line.split(" ")), COMPLETION];
}
