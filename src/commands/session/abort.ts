import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionAbort extends BaseCommand<typeof SessionAbort> {
  static override summary = "Abort what runs in a session: its turn, a compaction or a shell command";
  static override description =
    "Messages that were queued in the turn are not sent: stderr gives them back. Without a turn it ends a compaction, or else the commands of `session bash`. One that still waits for its agent never begins. The command that waits for it exits 6. When nothing runs that is said, and the exit code is 0.";
  static override examples = [
    "<%= config.bin %> session abort",
    "<%= config.bin %> session abort review",
    "<%= config.bin %> session abort --bash",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    bash: Flags.boolean({
      description: "End only the commands that `session bash` has started",
      exclusive: ["retry"],
    }),
    retry: Flags.boolean({ description: "Only stop pi from trying again after a provider's error" }),
  };

  async run(): Promise<void> {
    const { bash, retry, session } = this.flags;
    const target = pickSession(this.args.session, session);
    const client = await this.connect();
    if (bash || retry) {
      const type = bash ? "abort_bash" : "abort_retry";
      await client.command(type, target);
      // pi doesn't tell whether there was one.
      await this.show({ sent: type }, () => "");
      return;
    }
    const result = await client.request("abort", target);
    if (!this.flags.json) {
      await writeStderr(
        [...result.steering, ...result.followUp].map((text) => `Not sent: ${text}\n`).join(""),
      );
    }
    const { aborted, what } = result;
    const ended = what === undefined ? "aborted\n" : `aborted the ${what}\n`;
    await this.show(result, () => (aborted ? ended : "nothing to abort\n"));
  }
}
