import { resolve } from "node:path";
import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { writeWarnings } from "../../lib/cli/sandbox/warnings.ts";
import { createFlags, currentDirectory, sessionOptionsFrom } from "../../lib/cli/session-flags.ts";

const { name: _, ...optionFlags } = createFlags;

export default class SessionEnsure extends BaseCommand<typeof SessionEnsure> {
  static override summary = "Find the session of this name, or create it, and print its id";
  static override description =
    "The name belongs to this repository, or to this directory outside of one. Safe to run twice, and at once: there is one session. It becomes the current session of its directory. A session that has other options than those given here is refused. What follows -- goes to pi as it is.";
  static override examples = [
    "s=$(<%= config.bin %> session ensure cleanup)",
    "<%= config.bin %> session ensure review --model scripted/echo --tools read,grep",
    "<%= config.bin %> session ensure review --json | jq .created",
  ];
  static override passesArguments = true;
  static override args = {
    name: Args.string({ description: "Name of the session", required: true }),
  };
  static override flags = {
    ...optionFlags,
    cwd: Flags.string({ char: "C", description: "Working directory of the agent", helpValue: "<dir>" }),
  };

  async run(): Promise<void> {
    const { flags, args } = this;
    const options = await sessionOptionsFrom(flags, this.passedArguments());
    const client = await this.connect();
    const request = client.request("ensure_session", {
      cwd: flags.cwd === undefined ? currentDirectory() : resolve(flags.cwd),
      name: args.name,
      options,
    });
    const result = await withProgress("Starting the agent", request);
    if (!flags.json) await writeWarnings(result.warnings ?? []);
    await this.show(result, () => `${result.sessionId}\n`);
  }
}
