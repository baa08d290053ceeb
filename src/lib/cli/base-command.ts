import { Command, Flags, type Interfaces } from "@oclif/core";
import type { Client } from "../client/client.ts";
import { refuseForeignPlaces } from "../core/foreign-places.ts";
import { jsonText } from "../core/json-text.ts";
import { describeError, formatError } from "./describe-error.ts";
import { writeStderr, writeStdout } from "./output.ts";
import { ShownError } from "./shown-error.ts";
import { checkFlagValues, checkValue, markTexts, unmarkTexts } from "./words.ts";

/** Flags that every command has. */
const baseFlags = {
  json: Flags.boolean({
    description: "Print one JSON document on stdout, errors included",
    helpGroup: "GLOBAL",
  }),
};

export type CommandFlags<T extends typeof Command> = Interfaces.InferredFlags<typeof baseFlags & T["flags"]>;
export type CommandArgs<T extends typeof Command> = Interfaces.InferredArgs<T["args"]>;

/**
 * What all commands share: the connection to the daemon, one way to show a result as text or JSON, and one
 * place where an error becomes a message and an exit code.
 */
export abstract class BaseCommand<T extends typeof Command> extends Command {
  static override baseFlags = baseFlags;
  /** Whether what follows `--` is for pi and not for this command. */
  static passesArguments = false;
  /** Whether the arguments are a text for somebody else, which may end as it likes. */
  static textArguments = false;

  protected flags!: CommandFlags<T>;
  protected args!: CommandArgs<T>;
  #client: Client | undefined;

  override async init(): Promise<void> {
    await super.init();
    const words = markTexts(this.#ownArguments());
    const baseFlags = (this.ctor as typeof BaseCommand).baseFlags;
    const { args, flags } = await this.parse(
      {
        flags: this.ctor.flags,
        baseFlags,
        args: withoutStdin(this.ctor.args),
        strict: this.ctor.strict,
      },
      words,
    ).catch((error) => {
      checkFlagValues(words, { ...baseFlags, ...this.ctor.flags });
      throw error;
    });
    this.flags = unmarked(flags) as CommandFlags<T>;
    this.args = unmarked(args) as CommandArgs<T>;
    for (const [name, value] of Object.entries(this.flags)) checkValue(`--${name}`, value);
    const { textArguments } = this.ctor as typeof BaseCommand;
    for (const [name, value] of Object.entries(this.args)) {
      if (!textArguments) checkValue(`The argument ${name}`, value);
    }
    refuseForeignPlaces(process.env);
  }

  /** The daemon of this environment, started if need be. Closed when the command ends. */
  protected async connect(): Promise<Client> {
    const { connectToDaemon } = await import("../client/connect.ts");
    const client = await connectToDaemon(process.env, (notice) => void writeStderr(`${notice}\n`));
    const told = new Set<string>();
    client.onElsewhere = ({ sessionId, name, cwd }) => {
      if (told.has(sessionId)) return;
      told.add(sessionId);
      void writeStderr(`Using session "${name}" of ${cwd} (${sessionId}): no session here has that name.\n`);
    };
    this.#client = client;
    return client;
  }

  /** The daemon of this environment if it runs; never starts one. Closed when the command ends. */
  protected async connectIfRunning(): Promise<Client | undefined> {
    const { connectIfRunning } = await import("../client/connect.ts");
    this.#client = await connectIfRunning();
    return this.#client;
  }

  /** Refuses a first argument that names a session where the command means something else by it. */
  protected async refuseSessionWord(
    client: Client,
    words: readonly (string | undefined)[],
    command: string,
    meaning: string,
  ): Promise<void> {
    const given = words.filter((word) => word !== undefined);
    if (given.length === 0) return;
    const { refuseSessionWord } = await import("./refuse-session-word.ts");
    await refuseSessionWord(client, given, { argv: this.argv, command, meaning });
  }

  /**
   * Shows a result on stdout: `data` as one JSON document under `--json`, else the text.
   *
   * @param options `styled`: false for a text that isn't ours, such as a model's, which gets no style on a terminal
   */
  protected async show(
    data: unknown,
    text: () => string | Promise<string>,
    { styled = true }: { styled?: boolean } = {},
  ): Promise<void> {
    if (this.flags.json) await writeStdout(`${jsonText(data, 2)}\n`);
    else await writeStdout(await text(), { styled });
  }

  /** What follows `--` on the command line of a command that passes it on. */
  protected passedArguments(): string[] {
    const end = this.argv.indexOf("--");
    return end === -1 ? [] : this.argv.slice(end + 1);
  }

  #ownArguments(): string[] {
    const end = (this.ctor as typeof BaseCommand).passesArguments ? this.argv.indexOf("--") : -1;
    return end === -1 ? this.argv : this.argv.slice(0, end);
  }

  /** Ends the command with this exit code after everything written has gone out. */
  protected setExitCode(code: number): void {
    process.exitCode = code;
  }

  protected override async catch(error: unknown): Promise<void> {
    // From the fast build's parser: the real oclif is asked next.
    if (error instanceof Error && error.name === "NotOrdinary") throw error;
    if (error instanceof ShownError) {
      process.exitCode = error.exitCode;
      return;
    }
    const { body, exitCode, stack } = describeError(error);
    // A parse error comes before `flags` exists.
    if (this.flags?.json ?? this.argv.includes("--json")) {
      await writeStdout(`${jsonText({ error: body }, 2)}\n`);
    } else {
      await writeStderr(formatError(body));
    }
    if (stack !== undefined) await writeStderr(`${stack}\n`);
    process.exitCode = exitCode;
  }

  protected override async finally(): Promise<void> {
    this.#client?.close();
  }
}

function unmarked(values: object): object {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, unmarkTexts(value)]));
}

/**
 * oclif reads stdin for an argument that isn't given, which would eat the input of the loop that a command
 * stands in (`while read -r id; do pictl session show; done`).
 */
function withoutStdin(args: Interfaces.ArgInput): Interfaces.ArgInput {
  return Object.fromEntries(Object.entries(args).map(([name, arg]) => [name, { ...arg, ignoreStdin: true }]));
}
