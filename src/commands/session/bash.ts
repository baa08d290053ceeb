import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { deadlineFrom, within } from "../../lib/cli/deadline.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class SessionBash extends BaseCommand<typeof SessionBash> {
  static override summary = "Run a shell command in a session, where the model will see it";
  static override description =
    "Runs in the session's directory; command and output are part of the next prompt's context. One word is a line for the shell, several are a command and its arguments, taken as they are. The exit code is the command's. Ctrl-C ends it, and every other one that runs in the session.";
  static override examples = [
    "<%= config.bin %> session bash -- npm test",
    "<%= config.bin %> session bash 'git diff | head -50'",
    "<%= config.bin %> session bash -s review --timeout 5m -- make check",
  ];
  static override args = {
    command: Args.string({ description: "The command; after -- it may have options", multiple: true }),
  };
  static override flags = {
    session: sessionFlag,
    "exclude-from-context": Flags.boolean({
      description: "Keep it from the model: it is only recorded in the session",
    }),
    timeout: Flags.string({
      description: "End the command after this long (30s, 5m, 2h) and exit 3",
      helpValue: "<duration>",
    }),
  };

  async run(): Promise<void> {
    const [{ runBash }, { shellCommand }] = await Promise.all([
      import("../../lib/cli/run-bash.ts"),
      import("../../lib/cli/shell-words.ts"),
    ]);
    const { flags } = this;
    const words: readonly string[] = this.args.command ?? [];
    const command = shellCommand(words);
    if (command.trim() === "") {
      throw new PictlError("USAGE", "There is no command to run.", {
        hint: "Write it behind --, as in `pictl session bash -- npm test`.",
      });
    }
    const target = targetFrom(flags.session);
    const deadline = await deadlineFrom(flags.timeout);
    const client = await within(deadline, "Connecting to the daemon", this.connect());
    await this.refuseSessionWord(client, words, "session bash", "the command");
    const { exitCode, data } = await runBash(client, {
      target,
      command,
      excludeFromContext: flags["exclude-from-context"],
      deadline,
      quiet: this.flags.json,
    });
    await this.show(data, () => "");
    this.setExitCode(exitCode);
  }
}
