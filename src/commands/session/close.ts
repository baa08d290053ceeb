import { BaseCommand } from "../../lib/cli/base-command.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionClose extends BaseCommand<typeof SessionClose> {
  static override summary = "End the agent of a session";
  static override description =
    "The session stays: the next prompt to it starts an agent again, with all its history.";
  static override examples = ["<%= config.bin %> session close", "<%= config.bin %> session close review"];
  static override args = { session: sessionArg };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const result = await withProgress("Ending the agent", client.request("close_session", target));
    await this.show(result, () => (result.closed ? "closed\n" : "nothing to close\n"));
  }
}
