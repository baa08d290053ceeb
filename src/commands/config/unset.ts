import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";

export default class ConfigUnset extends BaseCommand<typeof ConfigUnset> {
  static override summary = "Take one setting out of config.toml";
  static override description = "The value that holds then is printed. Not being set already is fine.";
  static override examples = [
    "<%= config.bin %> config unset thinking",
    "<%= config.bin %> config unset model --workspace",
  ];
  static override args = {
    key: Args.string({ description: "Key, as in `config show`", required: true }),
  };
  static override flags = {
    workspace: Flags.boolean({
      char: "w",
      description: "From .pictl/config.toml of this directory's repository",
    }),
  };

  async run(): Promise<void> {
    const { changeSetting } = await import("../../lib/cli/config/change.ts");
    const { key } = this.args;
    const result = await changeSetting({ key, workspace: this.flags.workspace }, () =>
      this.connectIfRunning(),
    );
    await this.show(result, async () => {
      const { originText, valueText } = await import("../../lib/cli/config/show.ts");
      return `${key} = ${result.value === null ? "-" : valueText(result)}, ${originText(result)}\n`;
    });
  }
}
