import { CommandHelp } from "@oclif/core";

/** A usage of more lines says less than its flags do below it. */
const MAX_USAGE_LINES = 2;

/** oclif's page of one command, without what it says twice. */
export class PictlCommandHelp extends CommandHelp {
  /** The summary stands above the usage already. */
  protected override description(): string | undefined {
    const { description } = this.command;
    return description === undefined ? undefined : this.wrap(description);
  }

  protected override usage(): string {
    const usage = super.usage();
    if (usage.split("\n").length <= MAX_USAGE_LINES) return usage;
    const args = Object.values(this.command.args ?? {}).map((arg) => {
      const name = `${arg.name.toUpperCase()}${arg.multiple ? "..." : ""}`;
      return arg.required ? name : `[${name}]`;
    });
    return ["$", this.config.bin, this.command.id.replaceAll(":", " "), ...args, "[FLAGS]"].join(" ");
  }

  /** One below the other: each is a line of its own. A pipe into pictl is a command line too. */
  protected override examples(examples: Parameters<CommandHelp["examples"]>[0]): string | undefined {
    return super
      .examples(examples)
      ?.split(/\n\n/)
      .map((example) => (/^\s*\$/.test(example) ? example : `$ ${example}`))
      .join("\n");
  }
}
