import { BaseCommand } from "../../lib/cli/base-command.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { branchFlags, branchOptionsFrom, sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionClone extends BaseCommand<typeof SessionClone> {
  static override summary = "Make a new session with the same conversation and print its id";
  static override description =
    "Both go on from its end on their own. `session fork` starts from an earlier message.";
  static override examples = [
    "s=$(<%= config.bin %> session clone)",
    "<%= config.bin %> session clone review --name another-way",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    ...branchFlags,
  };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const request = client.request("clone", { ...target, ...branchOptionsFrom(this.flags) });
    const result = await withProgress("Cloning the session", request);
    await this.show(result, () => `${result.sessionId}\n`);
  }
}
