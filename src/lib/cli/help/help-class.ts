import { type Command, Help, type Interfaces } from "@oclif/core";
import { colorsFor } from "../render/color.ts";
import { PictlCommandHelp } from "./command-help.ts";
import { COMMAND_GROUPS } from "./groups.ts";
import { rootHelp } from "./root-help.ts";

/** oclif's help with its commands in groups. Loaded by oclif (`helpClass` in package.json) when help is asked for. */
export default class PictlHelp extends Help {
  protected override CommandHelpClass = PictlCommandHelp;

  override async showRootHelp(): Promise<void> {
    const existing = new Set(this.sortedCommands.map(nameOf));
    const { bin, pjson } = this.config;
    const page = rootHelp(
      { bin, summary: pjson.description ?? bin, groups: COMMAND_GROUPS, existing },
      this.opts.maxWidth ?? 80,
      await colorsFor(process.stdout),
    );
    this.log(page);
  }

  /** A topic's commands in the same groups; those of a topic below it too, so that one page has all. */
  override async showTopicHelp(topic: Interfaces.Topic): Promise<void> {
    const commands = this.sortedCommands.filter(({ id }) => id.startsWith(`${topic.name}:`));
    this.log(this.formatTopic(topic));
    for (const { title, commands: names } of [...COMMAND_GROUPS, { title: "Others", commands: [] }]) {
      const members = commands.filter((command) =>
        title === "Others" ? !isGrouped(command) : names.includes(nameOf(command)),
      );
      if (members.length === 0) continue;
      members.sort((a, b) => names.indexOf(nameOf(a)) - names.indexOf(nameOf(b)));
      const rows = members.map((command): [string, string | undefined] => [
        nameOf(command),
        this.summary(command),
      ]);
      const list = this.renderList(rows, {
        indentation: 2,
        spacer: "\n",
        stripAnsi: this.opts.stripAnsi ?? false,
      });
      this.log(`${this.section(title.toUpperCase(), list)}\n`);
    }
  }
}

function nameOf({ id }: Command.Loadable): string {
  return id.replaceAll(":", " ");
}

function isGrouped(command: Command.Loadable): boolean {
  return COMMAND_GROUPS.some(({ commands }) => commands.includes(nameOf(command)));
}
