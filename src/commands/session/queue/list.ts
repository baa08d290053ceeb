import { BaseCommand } from "../../../lib/cli/base-command.ts";
import { writeStderr } from "../../../lib/cli/output.ts";
import { pickSession } from "../../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../../lib/cli/session-flags.ts";

export default class SessionQueueList extends BaseCommand<typeof SessionQueueList> {
  static override summary = "List the messages and prompts that wait in a session";
  static override description =
    "steer and follow-up stand in the running turn's queues (`prompt --steer`, `--follow-up`); prompt waits for a turn of its own.";
  static override examples = [
    "<%= config.bin %> session queue list",
    "<%= config.bin %> session queue list review --json | jq '.waiting | length'",
  ];
  static override args = { session: sessionArg };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const queue = await client.request("get_queue", target);
    await this.show(queue, async () => {
      const { renderQueue } = await import("../../../lib/cli/render/session-queue.ts");
      const text = renderQueue(queue, process.stdout.isTTY ? process.stdout.columns : undefined);
      if (text === "") await writeStderr("Nothing waits.\n");
      return text;
    });
  }
}
