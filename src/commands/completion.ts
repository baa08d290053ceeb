import { Args } from "@oclif/core";
import { BaseCommand } from "../lib/cli/base-command.ts";
import { asShell } from "../lib/cli/completion/shell.ts";

export default class Completion extends BaseCommand<typeof Completion> {
  static override summary = "Print the completion script of bash, zsh or fish";
  static override description =
    "Completes commands, flags, their values and, while the daemon runs, sessions. See docs/completion.md.";
  static override examples = [
    "source <(<%= config.bin %> completion bash)",
    "source <(<%= config.bin %> completion zsh)",
    "<%= config.bin %> completion fish | source",
  ];
  static override args = {
    shell: Args.string({ description: "bash, zsh or fish", required: true }),
  };

  async run(): Promise<void> {
    const shell = asShell(this.args.shell);
    const { completionScript } = await import("../lib/cli/completion/scripts.ts");
    const script = completionScript(shell);
    await this.show({ shell, script }, () => script);
  }
}
