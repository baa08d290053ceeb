import { BaseCommand } from "../../lib/cli/base-command.ts";
import type { PiMessage } from "../../lib/cli/pi-data.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionMessages extends BaseCommand<typeof SessionMessages> {
  static override summary = "Print the messages that the model sees";
  static override description =
    "pi's list of what goes to the model with the next prompt: after a compaction its summary and what followed. `session show --messages` prints the whole conversation, with the numbers that `session fork` takes.";
  static override examples = [
    "<%= config.bin %> session messages",
    "<%= config.bin %> session messages review --json | jq -r '.messages[].role'",
  ];
  static override args = { session: sessionArg };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const data = (await client.command("get_messages", target)) as { messages: PiMessage[] };
    await this.show(data, async () => {
      const [{ renderMessages }, { colorsFor, widthOf }] = await Promise.all([
        import("../../lib/cli/render/pi-messages.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderMessages(data.messages, {
        colors: await colorsFor(process.stdout),
        width: widthOf(process.stdout),
      });
    });
  }
}
