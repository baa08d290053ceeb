import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import type { PiCommand } from "../../lib/cli/pi-data.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionCommands extends BaseCommand<typeof SessionCommands> {
  static override summary = "List the commands, prompt templates and skills that a prompt can begin with";
  static override description =
    "What pi has loaded for this session. `prompt /NAME` runs one; those of the project need a session that was made with --approve.";
  static override examples = [
    "<%= config.bin %> session commands",
    "<%= config.bin %> session commands review --json | jq -r '.commands[].name'",
  ];
  static override args = { session: sessionArg };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const data = (await client.command("get_commands", target)) as { commands: PiCommand[] };
    await this.show(data, async () => {
      if (data.commands.length === 0) {
        await writeStderr("pi has loaded no command, prompt template or skill for this session.\n");
        return "";
      }
      const [{ renderCommands }, { colorsFor, widthOf }] = await Promise.all([
        import("../../lib/cli/render/pi-commands.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return await renderCommands(data.commands, {
        colors: await colorsFor(process.stdout),
        width: widthOf(process.stdout),
      });
    });
  }
}
