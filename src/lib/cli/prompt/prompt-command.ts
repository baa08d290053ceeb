import { Args, Flags } from "@oclif/core";
import { PictlError } from "../../core/errors.ts";
import { BaseCommand } from "../base-command.ts";
import {
  createFlags,
  currentDirectory,
  sessionFlag,
  sessionOptionsFrom,
  targetFrom,
} from "../session-flags.ts";
import type { PromptFormat } from "./run-prompt.ts";

/** `pictl prompt` and `pictl session prompt`: the same command under two names. */
export abstract class PromptCommand extends BaseCommand<typeof PromptCommand> {
  static override summary = "Prompt a session and stream the answer";
  static override description = [
    "The text comes from the arguments, from --file and from stdin, joined in this order.",
    "Without -s or --new it goes to the current session of this directory (looked for up to the repository root),",
    "which is created on first use. The exit code tells how the turn ended: see docs/exit-codes.md.",
  ].join(" ");
  static override args = {
    message: Args.string({ description: "Text of the prompt", multiple: true }),
  };
  static override flags = {
    session: sessionFlag,
    new: Flags.boolean({ description: "Start a new session" }),
    file: Flags.string({
      char: "F",
      description: "Read the prompt (or its second part) from a file; - is stdin",
      helpValue: "<file>",
    }),
    stdin: Flags.boolean({ description: "Read piped stdin", default: true, allowNo: true }),
    format: Flags.option({
      options: ["text", "json", "stream-json", "quiet"] as const,
      description:
        "What to print: text as it comes, one document, one record a line, or the last answer alone",
      default: "text",
    })(),
    timeout: Flags.string({
      description: "Abort the turn after this long (30s, 5m, 2h) and exit 3",
      helpValue: "<duration>",
    }),
    detach: Flags.boolean({
      char: "d",
      description: "Print the session id and return once the agent has accepted the prompt",
      exclusive: ["timeout", "format"],
    }),
    wait: Flags.boolean({
      description: "Wait in line while the session works; --no-wait exits 11 instead",
      default: true,
      allowNo: true,
    }),
    steer: Flags.boolean({
      description: "Add to the running turn, before its next model call",
      exclusive: ["follow-up"],
    }),
    "follow-up": Flags.boolean({ description: "Add to the running turn, after its last answer" }),
    "on-question": Flags.option({
      options: ["fail", "wait"] as const,
      description:
        "What to do when an extension asks something: end the turn and exit 5, or wait for an answer",
      default: "fail",
    })(),
    ...createFlags,
  };

  async run(): Promise<void> {
    const { flags } = this;
    refuseTwoSessions(flags.new, flags.session);
    const { readMessage } = await import("./read-message.ts");
    const [message, timeoutMs] = [
      await readMessage({ words: this.args.message ?? [], file: flags.file, stdin: flags.stdin }),
      flags.timeout === undefined ? undefined : await parseTimeout(flags.timeout),
    ];
    const client = await this.connect();
    const { model, thinking, ...rest } = sessionOptionsFrom(flags);
    const params = {
      ...(flags.new ? { cwd: currentDirectory(), fresh: true } : targetFrom(flags.session)),
      message,
      create: {
        options: { ...rest, ...(model ? { model } : {}), ...(thinking ? { thinking } : {}) },
        ...(flags.name === undefined ? {} : { name: flags.name }),
      },
      ...(model === undefined ? {} : { model }),
      ...(thinking === undefined ? {} : { thinking }),
      whenBusy: flags.steer
        ? ("steer" as const)
        : flags["follow-up"]
          ? ("followUp" as const)
          : flags.wait
            ? ("wait" as const)
            : ("refuse" as const),
      onQuestion: flags["on-question"],
    };
    if (flags.detach) {
      const accepted = await client.request("prompt", params);
      await this.show(accepted, () => `${accepted.sessionId}\n`);
      return;
    }
    const { runPrompt } = await import("./run-prompt.ts");
    const format: PromptFormat = flags.json ? "json" : flags.format;
    process.exitCode = await runPrompt(client, params, { format, timeoutMs });
  }
}

/** Not oclif's `exclusive`, which would also refuse --new to a script that has set PICTL_SESSION. */
function refuseTwoSessions(fresh: boolean, session: string | undefined): void {
  if (!fresh || session === undefined || session === process.env.PICTL_SESSION) return;
  throw new PictlError("USAGE", `--new and --session=${session} can't be used together.`, {
    hint: "Leave one of them out.",
  });
}

async function parseTimeout(text: string): Promise<number> {
  const { parseDuration } = await import("../../core/duration.ts");
  return parseDuration(text);
}
