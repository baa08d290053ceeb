import { resolve } from "node:path";
import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { writeWarnings } from "../../lib/cli/sandbox/warnings.ts";
import { createFlags, currentDirectory, sessionOptionsFrom } from "../../lib/cli/session-flags.ts";

export default class SessionCreate extends BaseCommand<typeof SessionCreate> {
  static override summary = "Create a session and print its id";
  static override description =
    "The new session becomes the current session of its directory. A name that a session of this repository has is refused: `session ensure` creates it or finds it. What follows -- goes to pi as it is.";
  static override examples = [
    "s=$(<%= config.bin %> session create)",
    "<%= config.bin %> session create --name review --model scripted/echo",
    "<%= config.bin %> session create --cwd ../api --tools read,grep,find,ls -- --skill ./skills/audit",
  ];
  static override passesArguments = true;
  static override flags = {
    ...createFlags,
    cwd: Flags.string({ char: "C", description: "Working directory of the agent", helpValue: "<dir>" }),
  };

  async run(): Promise<void> {
    const { flags } = this;
    const options = await sessionOptionsFrom(flags, this.passedArguments());
    const client = await this.connect();
    const request = client.request("create_session", {
      cwd: flags.cwd === undefined ? currentDirectory() : resolve(flags.cwd),
      options,
      ...(flags.name === undefined ? {} : { name: flags.name }),
    });
    const result = await withProgress("Starting the agent", request);
    if (!flags.json) await writeWarnings(result.warnings ?? []);
    await this.show(result, () => `${result.sessionId}\n`);
  }
}
