import { BaseCommand } from "../../../lib/cli/base-command.ts";
import { writeStderr } from "../../../lib/cli/output.ts";
import { pickSession } from "../../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../../lib/cli/session-flags.ts";

export default class SessionQueueClear extends BaseCommand<typeof SessionQueueClear> {
  static override summary = "Take back what waits in a session, and print it";
  static override description =
    "The running turn goes on. Whoever waits for one of the prompts exits 6. `session abort` ends the turn as well.";
  static override examples = [
    "<%= config.bin %> session queue clear",
    "<%= config.bin %> session queue clear review > not-sent.txt",
  ];
  static override args = { session: sessionArg };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const cleared = await client.request("clear_queue", target);
    const texts = [...cleared.steering, ...cleared.followUp, ...cleared.waiting];
    const lines = async () => {
      if (texts.length === 0) await writeStderr("Nothing waits.\n");
      return texts.map((text) => `${text}\n`).join("");
    };
    await this.show(cleared, lines, { styled: false });
  }
}
