import { Args } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class SessionRename extends BaseCommand<typeof SessionRename> {
  static override summary = "Give a session a name";
  static override description =
    "A name is as good as an id wherever a session is named, as long as only one has it.";
  static override examples = [
    "<%= config.bin %> session rename review",
    '<%= config.bin %> session rename -s 019abc12 "api review"',
  ];
  static override args = { name: Args.string({ description: "The new name", required: true }) };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const name = this.args.name.trim();
    if (name === "")
      throw new PictlError("USAGE", "The name is empty.", { hint: "Give one that says something." });
    const target = targetFrom(this.flags.session);
    const client = await this.connect();
    const result = await client.request("set_session_name", { ...target, name });
    await this.show(result, () => `${result.name}\n`);
  }
}
