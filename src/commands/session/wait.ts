import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { sessionFlag, sessionsArg } from "../../lib/cli/session-flags.ts";
import { waitConditions } from "../../lib/protocol/wait.ts";

/** A wait that is over sooner needs no explanation. */
const SAY_AFTER_MS = 400;

export default class SessionWait extends BaseCommand<typeof SessionWait> {
  static override summary = "Wait until sessions are idle, ask something, or end their turn";
  static override description = [
    "Prints the id of each session that is there, as it comes. The exit code is that of its last turn, as `prompt`",
    "would give it; of several sessions, the first code in their order that is not 0; and 3 when --timeout runs out.",
    "turn-end means the turn that runs now, or the last one when none does. A wait for a question alone exits 4 when",
    "nothing runs that could ask one, after 5 s for a prompt that is just being sent.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> session wait",
    "<%= config.bin %> session wait build docs --all --timeout 30m",
    "<%= config.bin %> session wait build docs --any --for idle --for question",
    's=$(<%= config.bin %> prompt --new --detach "run the tests"); <%= config.bin %> session wait "$s" --for turn-end',
  ];
  static override args = { sessions: sessionsArg };
  static override flags = {
    session: sessionFlag,
    for: Flags.option({
      options: waitConditions,
      description: "What to wait for; repeatable, one is enough (default: idle)",
      multiple: true,
      multipleNonGreedy: true,
    })(),
    all: Flags.boolean({ description: "Wait for all of the sessions (default)", exclusive: ["any"] }),
    any: Flags.boolean({ description: "Wait for the first of the sessions" }),
    timeout: Flags.string({
      description: "Give up after this long (30s, 5m, 2h) and exit 3",
      helpValue: "<duration>",
    }),
  };

  async run(): Promise<void> {
    const { flags } = this;
    const [{ waitForSessions, targetsFrom }, { deadlineFrom, within }] = await Promise.all([
      import("../../lib/cli/wait-for-sessions.ts"),
      import("../../lib/cli/deadline.ts"),
    ]);
    const deadline = await deadlineFrom(flags.timeout);
    const targets = targetsFrom(this.args.sessions, flags.session);
    const client = await within(deadline, "Connecting to the daemon", this.connect());
    const conditions = flags.for ?? ["idle"];
    const say = () => void writeStderr(`Waiting for ${conditions.join(" or ")}.\n`);
    const notice = process.stderr.isTTY ? setTimeout(say, SAY_AFTER_MS) : undefined;
    const { results, exitCode } = await waitForSessions(client, {
      targets,
      conditions,
      mode: flags.any ? "any" : "all",
      deadline,
      onResult: (result) => (flags.json ? undefined : this.show(result, () => `${result.sessionId}\n`)),
    }).finally(() => clearTimeout(notice));
    if (flags.json) await this.show({ sessions: results }, () => "");
    this.setExitCode(exitCode);
  }
}
