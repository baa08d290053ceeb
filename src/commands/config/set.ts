import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";

export default class ConfigSet extends BaseCommand<typeof ConfigSet> {
  static override summary = "Set one setting in config.toml";
  static override description = [
    "Keeps the file's comments and order, and writes nothing that would be refused.",
    "A workspace's file can have model, thinking and format.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> config set thinking high",
    "<%= config.bin %> config set model anthropic/claude-sonnet-4-5 --workspace",
    "<%= config.bin %> config set limits.park_after 10m",
    "<%= config.bin %> config set agent.command -- /opt/node/bin/node /opt/pi/cli.js",
  ];
  static override args = {
    key: Args.string({ description: "Key, as in `config show`", required: true }),
    value: Args.string({
      description: "The value; for agent.command a program and its arguments",
      required: true,
      multiple: true,
    }),
  };
  static override flags = {
    workspace: Flags.boolean({
      char: "w",
      description: "In .pictl/config.toml of this directory's repository",
    }),
  };

  async run(): Promise<void> {
    const { changeSetting } = await import("../../lib/cli/config/change.ts");
    const { key, value: words } = this.args;
    const result = await changeSetting({ key, words, workspace: this.flags.workspace }, () =>
      this.connectIfRunning(),
    );
    await this.show(result, () => `${key} = ${words.join(" ")} (${result.file})\n`);
  }
}
