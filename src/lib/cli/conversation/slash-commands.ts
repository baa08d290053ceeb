import { exportTo, rename } from "./file-commands.ts";
import { chooseModel, chooseThinking, completeModel, completeThinking } from "./model-commands.ts";
import { chooseSession, fork, startNew } from "./session-commands.ts";
import { type CommandContext, noSession, type SlashCommand } from "./slash-command.ts";

/** The conversation's own commands. Whatever else begins with `/` is for pi. */
export const slashCommands: readonly SlashCommand[] = [
  { name: "help", summary: "Show the commands and keys", run: help },
  { name: "model", hint: "[name]", summary: "Change the model", complete: completeModel, run: chooseModel },
  {
    name: "thinking",
    hint: "[level]",
    summary: "Change how much the model thinks",
    complete: completeThinking,
    run: chooseThinking,
  },
  { name: "sessions", summary: "Go to another session of this directory", run: chooseSession },
  { name: "new", summary: "Start a new session", run: startNew },
  { name: "fork", summary: "Go back to one of your messages, in a new session", run: fork },
  { name: "name", hint: "<name>", summary: "Name the session", run: rename },
  {
    name: "export",
    hint: "[file]",
    summary: "Write the conversation to a file (.md, .html, .json, .jsonl)",
    run: exportTo,
  },
  {
    name: "compact",
    hint: "[what to keep]",
    summary: "Summarize what was said, to free context",
    run: compact,
  },
  { name: "quit", summary: "Leave; the session stays", run: ({ face }) => face.leave() },
];

/** The command that a line is, with its argument; undefined for a message or a command of pi's. */
export function parseSlashCommand(line: string): { command: SlashCommand; argument: string } | undefined {
  const match = /^\/([a-z]+)(?:\s+([\s\S]*))?$/.exec(line.trim());
  const command = slashCommands.find(({ name }) => name === match?.[1]);
  return command === undefined ? undefined : { command, argument: match?.[2]?.trim() ?? "" };
}

async function compact({ talk, argument }: CommandContext): Promise<void> {
  if (talk.sessionId === undefined) throw noSession("There is nothing to summarize yet.");
  const { sessionId, conversation } = talk;
  try {
    await talk.client.command("compact", {
      sessionId,
      onQuestion: "wait",
      ...(argument === "" ? {} : { customInstructions: argument }),
    });
  } catch (error) {
    // pi has said so already, to everybody who watches the session.
    const last = conversation.blocks.at(-1);
    if (last?.kind !== "notice" || last.level !== "error") throw error;
  }
  await talk.refresh();
}

async function help({ talk, face }: CommandContext): Promise<void> {
  const commands = slashCommands.map(({ name, hint, summary }): [string, string] => [
    `/${name}${hint === undefined ? "" : ` ${hint}`}`,
    summary,
  ]);
  const own = await talk.commands();
  const lines = [
    ...columns([...commands, ["!command", "Run a shell command here; !!command keeps it from the model"]]),
    ...(face.keys.length === 0 ? [] : ["", ...columns(face.keys)]),
    ...(own.length === 0 ? [] : ["", `pi's own: ${own.map(({ name }) => `/${name}`).join(" ")}`]),
  ];
  talk.conversation.notice("help", lines.join("\n"));
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => left.padEnd(width) + right);
}
