import { existsSync } from "node:fs";
import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { configTarget } from "../../lib/cli/config/places.ts";

export default class ConfigPath extends BaseCommand<typeof ConfigPath> {
  static override summary = "Print where config.toml is, or would be made";
  static override description = "Nothing is created.";
  static override examples = [
    "<%= config.bin %> config path",
    'cat "$(<%= config.bin %> config path --workspace)"',
  ];
  static override flags = {
    workspace: Flags.boolean({ char: "w", description: ".pictl/config.toml of this directory's repository" }),
  };

  async run(): Promise<void> {
    const { path } = configTarget(this.flags.workspace);
    await this.show({ path, exists: existsSync(path) }, () => `${path}\n`);
  }
}
