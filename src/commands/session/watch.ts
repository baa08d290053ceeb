import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { sessionFlag, sessionsArg } from "../../lib/cli/session-flags.ts";
import { wholeNumber } from "../../lib/cli/whole-number.ts";
import { PictlError } from "../../lib/core/errors.ts";
import { waitConditions } from "../../lib/protocol/wait.ts";

export default class SessionWatch extends BaseCommand<typeof SessionWatch> {
  static override summary = "Follow sessions live, from any terminal";
  static override description = [
    "Shows what is said and done until Ctrl-C, which leaves the turn alone. With --since it catches up first with what",
    "came after that record (0: with all that is kept), and says what was missed. Questions are shown; answer them with",
    "`session respond`. In stream-json the first record is the session's state, and each has the `seq` that --since takes.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> session watch",
    "<%= config.bin %> session watch review --since 0",
    "<%= config.bin %> session watch build docs --format stream-json | jq -c 'select(.type == \"turn_ended\")'",
  ];
  static override args = { sessions: sessionsArg };
  static override flags = {
    session: sessionFlag,
    since: Flags.string({
      description: "Begin after the record with this number; 0 is the oldest that is kept (default: now)",
      helpValue: "<seq>",
    }),
    format: Flags.option({
      options: ["text", "stream-json", "pi"] as const,
      description: "Text, or one record a line: pictl's own, or pi's",
      default: "text",
    })(),
    until: Flags.option({
      options: waitConditions,
      description: "End when nothing runs any more, at a question, or with the turn that runs",
    })(),
  };

  async run(): Promise<void> {
    const { flags } = this;
    if (flags.json) {
      throw new PictlError("USAGE", "--json gives one document, and watching has no end.", {
        hint: "Use --format stream-json for one record a line.",
      });
    }
    const [{ watchSessions }, { targetsFrom }] = await Promise.all([
      import("../../lib/cli/watch/watch-sessions.ts"),
      import("../../lib/cli/wait-for-sessions.ts"),
    ]);
    const since = flags.since === undefined ? undefined : wholeNumber(flags.since, "--since");
    const targets = targetsFrom(this.args.sessions, flags.session);
    const client = await this.connect();
    const { format, until } = flags;
    this.setExitCode(await watchSessions(client, { targets, since, format, until }));
  }
}
