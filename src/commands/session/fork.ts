import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { branchFlags, branchOptionsFrom, sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionFork extends BaseCommand<typeof SessionFork> {
  static override summary = "Make a new session from an earlier message and print its id";
  static override description =
    "The new session holds what came before that message; the old one stays as it was. Without --at the choices are listed.";
  static override examples = [
    "<%= config.bin %> session fork",
    "s=$(<%= config.bin %> session fork --at 2)",
    "<%= config.bin %> session fork review --at 7f3a91c2 --name second-try",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    at: Flags.string({
      description: "Your message to fork from: its number (see session show --messages) or entry id",
      helpValue: "<n|entry>",
    }),
    ...branchFlags,
  };

  async run(): Promise<void> {
    const { at, session } = this.flags;
    const target = pickSession(this.args.session, session);
    const client = await this.connect();
    if (at === undefined) {
      const choices = await client.request("get_fork_messages", target);
      await this.show(choices, async () => {
        const { renderForkPoints } = await import("../../lib/cli/render/fork-points.ts");
        return renderForkPoints(choices.messages, process.stdout.isTTY ? process.stdout.columns : undefined);
      });
      return;
    }
    const request = client.request("fork", { ...target, at, ...branchOptionsFrom(this.flags) });
    const result = await withProgress("Forking the session", request);
    if (process.stderr.isTTY && !this.flags.json) await writeStderr(`Forked before: ${result.text}\n`);
    await this.show(result, () => `${result.sessionId}\n`);
  }
}
