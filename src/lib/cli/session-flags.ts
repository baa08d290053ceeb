import { resolve } from "node:path";
import { Args, Flags } from "@oclif/core";
import { sandboxProfiles, thinkingLevels } from "../core/choices.ts";
import { PictlError } from "../core/errors.ts";
import type { SessionOptions } from "../protocol/session.ts";
import { readSystemPrompt } from "./read-system-prompt.ts";

/** Picks the session that a command is about. */
export const sessionFlag = Flags.string({
  char: "s",
  description: "Session: full id, unique prefix or name (default: the current session of this directory)",
  env: "PICTL_SESSION",
  helpValue: "<session>",
});

/** The same as an argument, for the commands that are about one session and nothing else. */
export const sessionArg = Args.string({
  name: "session",
  description: "Full id, unique prefix or name (default: the current session of this directory)",
});

/** The same for the commands that are about several. */
export const sessionsArg = Args.string({
  name: "sessions",
  description: "Full ids, unique prefixes or names (default: the current session of this directory)",
  multiple: true,
});

/** What a copy of a session has of its own: where it goes on, such as one whose directory is gone, and with which model. */
export const branchFlags = {
  name: Flags.string({ char: "n", description: "Name of the new session" }),
  cwd: Flags.string({
    char: "C",
    description: "Directory of the new session (default: that of the other one)",
    helpValue: "<dir>",
  }),
  model: Flags.string({
    char: "m",
    description: "Model of the new session (default: that of the other one)",
  }),
  thinking: Flags.option({
    options: thinkingLevels,
    description: "Its thinking level (default: that of the other one)",
  })(),
};

export interface BranchFlagValues {
  name?: string | undefined;
  cwd?: string | undefined;
  model?: string | undefined;
  thinking?: SessionOptions["thinking"];
}

/** The parameters of a request for a copy, without those that weren't given. */
export function branchOptionsFrom({ name, cwd, model, thinking }: BranchFlagValues) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(cwd === undefined ? {} : { directory: resolve(cwd) }),
    ...(model === undefined ? {} : { model: absoluteScenario(model) }),
    ...(thinking === undefined ? {} : { thinking }),
  };
}

/** How a new session's agent is started. */
export const createFlags = {
  name: Flags.string({ char: "n", description: "Name of the session", helpGroup: "NEW SESSION" }),
  model: Flags.string({
    char: "m",
    description: "Model, as provider/id or a pattern of pi's; scripted/echo needs no account",
    helpGroup: "NEW SESSION",
  }),
  thinking: Flags.option({
    options: thinkingLevels,
    description: "Thinking level",
    helpGroup: "NEW SESSION",
  })(),
  tools: Flags.string({
    char: "t",
    description: "Tools the agent may use, comma-separated",
    helpGroup: "NEW SESSION",
  }),
  "exclude-tools": Flags.string({
    description: "Tools the agent may not use, comma-separated",
    helpGroup: "NEW SESSION",
  }),
  "system-prompt": Flags.string({
    description: "Replace pi's system prompt (text or a file)",
    helpGroup: "NEW SESSION",
  }),
  "append-system-prompt": Flags.string({
    description: "Add to pi's system prompt (text or a file; repeatable)",
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: "NEW SESSION",
  }),
  sandbox: Flags.option({
    options: sandboxProfiles,
    description: "Run the agent in a sandbox of this profile, or exit 7 (docs/sandbox.md)",
    helpGroup: "NEW SESSION",
  })(),
  "no-sandbox": Flags.boolean({
    description: "Run it without one, where your sandbox.toml allows that",
    exclusive: ["sandbox"],
    helpGroup: "NEW SESSION",
  }),
  ephemeral: Flags.boolean({ description: "Keep the session in memory only", helpGroup: "NEW SESSION" }),
  approve: Flags.boolean({
    description:
      "Trust the project's own pi settings, extensions and skills (default: nothing of the project is trusted)",
    allowNo: true,
    helpGroup: "NEW SESSION",
  }),
};

export interface CreateFlagValues {
  name?: string | undefined;
  model?: string | undefined;
  thinking?: SessionOptions["thinking"];
  tools?: string | undefined;
  "exclude-tools"?: string | undefined;
  "system-prompt"?: string | undefined;
  "append-system-prompt"?: string[] | undefined;
  sandbox?: SessionOptions["sandbox"];
  "no-sandbox"?: boolean | undefined;
  ephemeral?: boolean | undefined;
  approve?: boolean | undefined;
}

/** The options that the flags ask for, without those that weren't given. */
export async function sessionOptionsFrom(
  flags: CreateFlagValues,
  piArgs: readonly string[] = [],
): Promise<SessionOptions> {
  const { rest, systemPrompt, appendSystemPrompt } = await promptsOf(flags, piArgs);
  const options: Record<string, unknown> = {
    model: flags.model === undefined ? undefined : absoluteScenario(flags.model),
    thinking: flags.thinking,
    tools: flags.tools,
    excludeTools: flags["exclude-tools"],
    systemPrompt,
    appendSystemPrompt,
    sandbox: flags.sandbox,
    noSandbox: flags["no-sandbox"],
    ephemeral: flags.ephemeral,
    approve: flags.approve,
    piArgs: rest.length > 0 ? rest : undefined,
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as SessionOptions;
}

/**
 * The prompts by value, whether they were given to pictl or after `--`, where pi takes the last system prompt. They count
 * from the shell's directory, and may be descriptors that only this process has.
 */
async function promptsOf(
  flags: CreateFlagValues,
  piArgs: readonly string[],
): Promise<{ rest: string[]; systemPrompt: string | undefined; appendSystemPrompt: string[] | undefined }> {
  let systemPrompt = flags["system-prompt"];
  const appended = [...(flags["append-system-prompt"] ?? [])];
  const rest: string[] = [];
  for (let index = 0; index < piArgs.length; index++) {
    const [arg = "", value] = piArgs.slice(index, index + 2);
    if (value === undefined || !["--system-prompt", "--append-system-prompt"].includes(arg)) {
      rest.push(arg);
      continue;
    }
    if (arg === "--system-prompt") systemPrompt = value;
    else appended.push(value);
    index++;
  }
  const appendedTexts: string[] = [];
  for (const value of appended) appendedTexts.push(await readSystemPrompt(value, "--append-system-prompt"));
  return {
    rest,
    systemPrompt:
      systemPrompt === undefined ? undefined : await readSystemPrompt(systemPrompt, "--system-prompt"),
    appendSystemPrompt: appendedTexts.length === 0 ? undefined : appendedTexts,
  };
}

/** `scripted/<file>` counts from the directory of the shell, which need not be the session's. */
export function absoluteScenario(model: string): string {
  const file = model.startsWith("scripted/") ? model.slice("scripted/".length) : "";
  return file === "" || /^echo(:|$)/.test(file) ? model : `scripted/${resolve(file)}`;
}

/** Names a session to the daemon: with `cwd` and a name, the one of that directory comes first. */
export type Target = { sessionId: string; cwd?: string } | { cwd: string };

/** The target of a request: the session that was named, else the current one of this directory. */
export function targetFrom(session: string | undefined): Target {
  if (session === undefined) return { cwd: currentDirectory() };
  if (session.trim() === "") {
    throw new PictlError("USAGE", "The session name is empty.", {
      hint: "Leave it out, or see `pictl session list`.",
    });
  }
  return { sessionId: session, ...directoryIfThere() };
}

/** A session that is named is found from a directory that was removed, too. */
function directoryIfThere(): { cwd?: string } {
  try {
    return { cwd: process.cwd() };
  } catch {
    return {};
  }
}

/** The shell's directory. Throws DIRECTORY_NOT_FOUND when it was removed under it. */
export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new PictlError("DIRECTORY_NOT_FOUND", "The current directory does not exist any more.", {
      hint: "Change to another directory.",
      cause: error,
    });
  }
}
