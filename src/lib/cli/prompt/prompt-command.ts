import { Args, Flags } from "@oclif/core";
import type { Client } from "../../client/client.ts";
import { type PromptFormat, promptFormats } from "../../core/choices.ts";
import { PictlError } from "../../core/errors.ts";
import { questionPolicies } from "../../protocol/question-policies.ts";
import type { RequestParams } from "../../protocol/requests.ts";
import { BaseCommand } from "../base-command.ts";
import type { Deadline } from "../deadline.ts";
import { writeStderr } from "../output.ts";
import { writeWarnings } from "../sandbox/warnings.ts";
import {
  createFlags,
  currentDirectory,
  sessionFlag,
  sessionOptionsFrom,
  type Target,
  targetFrom,
} from "../session-flags.ts";
import type { Image } from "./read-attachment.ts";

/** `pictl prompt` and `pictl session prompt`: the same command under two names. */
export abstract class PromptCommand extends BaseCommand<typeof PromptCommand> {
  static override summary = "Prompt a session and stream the answer";
  static override description = [
    "Without a text, at a terminal, it opens a conversation (docs/terminal.md).",
    "The text comes from the arguments, from --file and from stdin, joined in this order. Files named with @ are",
    "recognised by content (UTF-8 text, PNG, JPEG, GIF, WebP) and come first, as with pi, or last where the text",
    "begins with / and is for a command, template or skill of pi's. What follows -- is text, also with an @.",
    "Without -s or --new it goes to the current session of this directory (looked for up to the repository root),",
    "which is created on first use. The exit code tells how the turn ended: see docs/exit-codes.md.",
  ].join(" ");
  static override textArguments = true;
  static override args = {
    message: Args.string({
      description: "Text of the prompt; @file attaches a text or a picture, - reads stdin in this place",
      multiple: true,
    }),
  };
  static override flags = {
    session: sessionFlag,
    new: Flags.boolean({ description: "Start a new session" }),
    fork: Flags.boolean({
      description:
        "Prompt a copy of the session, also while the session works or is in use elsewhere (its id goes to stderr)",
      exclusive: ["new", "steer", "follow-up"],
    }),
    cwd: Flags.string({
      char: "C",
      description: "Directory of the copy that --fork makes (default: that of the session)",
      helpValue: "<dir>",
      dependsOn: ["fork"],
    }),
    file: Flags.string({
      char: "F",
      description: "Read the prompt (or its second part) from a file; - is stdin",
      helpValue: "<file>",
    }),
    editor: Flags.boolean({
      char: "e",
      description: "Edit the text in $VISUAL or $EDITOR (else vi) before it is sent",
    }),
    stdin: Flags.boolean({ description: "Read piped stdin", default: true, allowNo: true }),
    format: Flags.option({
      options: promptFormats,
      description:
        "What to print: text as it comes, one document, one record a line (pictl's or pi's own), or the last answer alone (default: `format` of config.toml, else text)",
    })(),
    timeout: Flags.string({
      description:
        "Give up this long after the start of the command (30s, 5m, 2h), abort the turn and exit 3; the time in --editor doesn't count",
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
      options: questionPolicies,
      description:
        "What becomes of a question: end the turn and exit 5, decline it, take what it offers, or wait for `session respond` (default: ask here on a terminal, else fail)",
    })(),
    ...createFlags,
  };

  async run(): Promise<void> {
    const { flags } = this;
    refuseTwoSessions(flags.new, flags.session);
    if (this.#isConversation()) {
      const { runConversation } = await import("../conversation/run-conversation.ts");
      const { create, ...change } = await this.#options();
      const client = await this.connect();
      const chosen = { target: this.#target(), create, ...change };
      const copied = flags.fork && (await this.#fork(client, chosen.target, create));
      const options = { fresh: flags.new, ...(copied ? { ...copied, create: {} } : chosen) };
      this.setExitCode(await runConversation(client, options));
      return;
    }
    const { literalWords, readMessage } = await import("./read-message.ts");
    // First, so that nobody writes a text in an editor and then learns that a flag was wrong.
    const { deadlineFrom, within } = await import("../deadline.ts");
    let deadline = await deadlineFrom(flags.timeout);
    const format: PromptFormat = flags.json ? "json" : (flags.format ?? (await configuredFormat()) ?? "text");
    // Its document is also how an error is told that comes before the turn.
    flags.json ||= format === "json";
    const reading = readMessage({
      words: this.args.message ?? [],
      literal: literalWords(this.argv),
      file: flags.file,
      stdin: flags.stdin,
      editor: flags.editor,
    });
    const { message, images } = await within(
      flags.editor ? undefined : deadline,
      "Reading the prompt",
      reading,
    );
    // A person in an editor takes as long as they like.
    if (flags.editor) deadline = deadline?.fromNow();
    try {
      const params = await within(deadline, "Reading the system prompt", this.#params(message, images));
      await this.#send(params, { format, deadline });
    } catch (error) {
      // What was written in an editor stands nowhere else.
      if (flags.editor && !this.#wasAccepted) await writeStderr(`Not sent: ${message}\n`);
      throw error;
    }
  }

  #wasAccepted = false;

  async #send(
    given: RequestParams<"prompt">,
    { format, deadline }: { format: PromptFormat; deadline: Deadline | undefined },
  ): Promise<void> {
    const { within } = await import("../deadline.ts");
    const client = await within(deadline, "Connecting to the daemon", this.connect());
    // Who has picked a session for a whole script passes on texts that it doesn't know.
    if (this.flags.session === undefined && !this.flags.new)
      await within(deadline, "Looking for sessions of that name", this.#refuseSessionWord(client));
    await checkSize(given.message, given.images ?? [], client.server.maxMessageBytes);
    const copying = this.flags.fork ? this.#ofCopy(client, given) : Promise.resolve(given);
    const params = await within(deadline, "Copying the session", copying);
    if (this.flags.detach) {
      const accepted = await client.request("prompt", params);
      if (!this.flags.json) await writeWarnings(accepted.warnings ?? []);
      await this.show(accepted, () => `${accepted.sessionId}\n`);
      return;
    }
    const { runPrompt } = await import("./run-prompt.ts");
    const onAccepted = () => {
      this.#wasAccepted = true;
    };
    const options = { format, deadline, askHere: this.#asksHere(), onAccepted };
    this.setExitCode(await runPrompt(client, params, options));
  }

  async #refuseSessionWord(client: Client): Promise<void> {
    await this.refuseSessionWord(client, this.args.message ?? [], "prompt", "text for the current session");
  }

  /** The same prompt for a copy of its session, which is made here. */
  async #ofCopy(
    client: Client,
    { sessionId, cwd, create, model: _, thinking: __, ...prompt }: RequestParams<"prompt">,
  ): Promise<RequestParams<"prompt">> {
    const { target } = await this.#fork(client, { sessionId, cwd }, create);
    return { ...prompt, ...target };
  }

  async #fork(
    client: Client,
    target: Parameters<typeof import("./fork-session.ts").forkSession>[1],
    create: RequestParams<"prompt">["create"],
  ) {
    const { forkSession } = await import("./fork-session.ts");
    return await forkSession(client, target, create, this.flags.cwd);
  }

  /** Nothing to say, and a person at a terminal who may. */
  #isConversation(): boolean {
    const { message = [] } = this.args;
    const { file, editor, detach, format, json, timeout } = this.flags;
    const isForOne = file ?? format ?? timeout ?? (editor || detach || json);
    return message.length === 0 && !isForOne && process.stdin.isTTY === true && process.stdout.isTTY === true;
  }

  /** Whether the questions of the turn are put to the person at this terminal. */
  #asksHere(): boolean {
    if (this.flags["on-question"] !== undefined || this.flags.detach) return false;
    return process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  #target(): Target {
    return this.flags.new ? { cwd: currentDirectory() } : targetFrom(this.flags.session);
  }

  /** The model and thinking level for the turn, and how a session is made where there is none. */
  async #options() {
    const { name } = this.flags;
    const { model, thinking, ...rest } = await sessionOptionsFrom(this.flags);
    const change = { ...(model ? { model } : {}), ...(thinking ? { thinking } : {}) };
    const create = { options: { ...rest, ...change }, ...(name === undefined ? {} : { name }) };
    return { create, ...change };
  }

  async #params(message: string, images: readonly Image[]): Promise<RequestParams<"prompt">> {
    const { flags } = this;
    const whenFree = flags.wait ? "wait" : "refuse";
    return {
      ...this.#target(),
      ...(flags.new ? { fresh: true } : {}),
      message,
      ...(images.length === 0 ? {} : { images: [...images] }),
      ...(await this.#options()),
      whenBusy: flags.steer ? "steer" : flags["follow-up"] ? "followUp" : whenFree,
      onQuestion: this.#asksHere() ? "wait" : (flags["on-question"] ?? "fail"),
    };
  }
}

/** @throws PictlError MESSAGE_TOO_LARGE naming the pictures that don't fit into a request */
async function checkSize(message: string, images: readonly Image[], limit: number): Promise<void> {
  if (images.length === 0) return;
  const { checkImagesFit } = await import("./read-attachment.ts");
  checkImagesFit(message, images, limit);
}

/** Not oclif's `exclusive`, which would also refuse --new to a script that has set PICTL_SESSION. */
function refuseTwoSessions(fresh: boolean, session: string | undefined): void {
  if (!fresh || session === undefined || session === process.env.PICTL_SESSION) return;
  throw new PictlError("USAGE", `--new and --session=${session} can't be used together.`, {
    hint: "Leave one of them out.",
  });
}

/** What the configuration says where no --format is given. Of this directory, if there still is one. */
async function configuredFormat(): Promise<PromptFormat | undefined> {
  const config = await import("../../core/config.ts");
  const { format, agentsFile } = await config.configuredFormat(process.env);
  // It could hide from a person what an agent does.
  if (agentsFile !== undefined)
    await writeWarnings([
      `${agentsFile} chose the format ${format}. A sandboxed agent could have written that file. To choose yourself: --format.`,
    ]);
  return format;
}
