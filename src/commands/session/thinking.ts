import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { ownStateOf } from "../../lib/cli/change-model.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";
import type { Client } from "../../lib/client/client.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class SessionThinking extends BaseCommand<typeof SessionThinking> {
  static override summary = "Show the thinking level of a session, or change it";
  static override description =
    "Which levels there are depends on the model: --list shows them. The session keeps its level from its next turn on.";
  static override examples = [
    "<%= config.bin %> session thinking",
    "<%= config.bin %> session thinking high",
    "<%= config.bin %> session thinking -s review --list",
  ];
  static override args = { level: Args.string({ description: "The level to change to" }) };
  static override flags = {
    session: sessionFlag,
    next: Flags.boolean({ description: "Change to the model's next level", exclusive: ["list"] }),
    list: Flags.boolean({ description: "List the levels that the model has" }),
  };

  async run(): Promise<void> {
    const { level } = this.args;
    const { next, list, session } = this.flags;
    if (level !== undefined && (next || list)) {
      throw new PictlError("USAGE", `Give a level or --${next ? "next" : "list"}, not both.`);
    }
    const target = targetFrom(session);
    const client = await this.connect();
    await this.refuseSessionWord(client, [level], "session thinking", "the level");
    if (list) {
      const levels = await levelsOf(client, target);
      await this.show({ levels }, () => levels.map((each) => `${each}\n`).join(""));
      return;
    }
    if (level !== undefined) await setLevel(client, target, level);
    if (next && (await client.command("cycle_thinking_level", { ...target })) === null) {
      await writeStderr("The model has no other level.\n");
    }
    const { thinkingLevel } = await ownStateOf(client, target);
    await this.show({ thinkingLevel }, () => `${thinkingLevel}\n`);
  }
}

async function levelsOf(client: Client, target: object): Promise<string[]> {
  const data = await client.command("get_available_thinking_levels", { ...target });
  return (data as { levels: string[] }).levels;
}

/** pi would take the nearest level instead of one that the model doesn't have, and say nothing. */
async function setLevel(client: Client, target: object, level: string): Promise<void> {
  const levels = await levelsOf(client, target);
  if (!levels.includes(level)) {
    throw new PictlError("INVALID_INPUT", `The model has no thinking level "${level}".`, {
      hint: `It has ${levels.join(", ")}.`,
      details: { level, levels },
    });
  }
  await client.command("set_thinking_level", { ...target, level });
}
