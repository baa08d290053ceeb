import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

const METHODS = { trash: "moved to the trash", unlink: "deleted", none: "deleted (it was never saved)" };

export default class SessionDelete extends BaseCommand<typeof SessionDelete> {
  static override summary = "Delete a session and its file";
  static override description =
    "Ends its agent and moves pi's file to the trash, where there is a `trash` command, or deletes it. Asks on a terminal and needs --yes elsewhere.";
  static override examples = [
    "<%= config.bin %> session delete review",
    "<%= config.bin %> session delete 019abc12 --yes",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    yes: Flags.boolean({ char: "y", description: "Don't ask" }),
  };

  async run(): Promise<void> {
    let target = pickSession(this.args.session, this.flags.session);
    const { confirm, requireTerminal } = await import("../../lib/cli/confirm.ts");
    if (!this.flags.yes) requireTerminal("Deleting a session");
    const client = await this.connect();
    if (!this.flags.yes) {
      const { session } = await client.request("get_session", target);
      const { describeSession } = await import("../../lib/cli/render/session-list.ts");
      if (!(await confirm(`Delete session ${describeSession(session)}?`))) {
        await this.show({ sessionId: session.id, deleted: false }, () => "");
        if (!this.flags.json) await writeStderr("Not deleted.\n");
        return;
      }
      // What was shown is what is deleted, whichever is the current one by now.
      target = { sessionId: session.id };
    }
    const result = await client.request("delete_session", target);
    await this.show({ ...result, deleted: true }, () => `${result.sessionId} ${METHODS[result.method]}\n`);
    for (const path of result.left ?? [])
      await writeStderr(`Another file with the id of this session is left: ${path}\n`);
  }
}
