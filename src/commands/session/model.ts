import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { ownStateOf, setModel } from "../../lib/cli/change-model.ts";
import { modelName } from "../../lib/cli/find-model.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class SessionModel extends BaseCommand<typeof SessionModel> {
  static override summary = "Show the model of a session, or change it";
  static override description =
    "Takes provider/id, or an id or a part of one that only one model has. The session keeps it from its next turn on; pi's own default stays as it is. `model list` shows what there is.";
  static override examples = [
    "<%= config.bin %> session model",
    "<%= config.bin %> session model sonnet",
    "<%= config.bin %> session model -s review scripted/echo",
    "<%= config.bin %> session model --next",
  ];
  static override args = { name: Args.string({ description: "The model to change to" }) };
  static override flags = {
    session: sessionFlag,
    next: Flags.boolean({ description: "Change to the next one of those that can be used" }),
  };

  async run(): Promise<void> {
    const { name } = this.args;
    const { next, session } = this.flags;
    if (next && name !== undefined) throw new PictlError("USAGE", "Give a model or --next, not both.");
    const target = targetFrom(session);
    const client = await this.connect();
    await this.refuseSessionWord(client, [name], "session model", "the model");
    if (name !== undefined) await setModel(client, target, name);
    if (next && (await client.command("cycle_model", { ...target })) === null) {
      await writeStderr("There is no other model that can be used.\n");
    }
    const { model, thinkingLevel } = await ownStateOf(client, target);
    await this.show({ model: model ?? null, thinkingLevel }, () => {
      if (model !== undefined) return `${modelName(model)}\n`;
      throw new PictlError("NO_MODEL", "The session has no model.", {
        hint: "`pictl model list` shows those that pi has a credential for; scripted/echo needs none.",
      });
    });
  }
}
