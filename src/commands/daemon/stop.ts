import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { runningSessionsLine } from "../../lib/cli/render/running-sessions.ts";

export default class DaemonStop extends BaseCommand<typeof DaemonStop> {
  static override summary = "Stop the daemon and wait until it is gone";
  static override description =
    "Turns that run get daemon.drain_timeout (30 s) to end and are aborted then. Sessions stay, and go on with the next prompt. When no daemon runs, that is said and the exit code is 0.";
  static override examples = ["<%= config.bin %> daemon stop", "<%= config.bin %> daemon stop --now"];
  static override flags = {
    now: Flags.boolean({ description: "Abort what runs instead of waiting for it" }),
    force: Flags.boolean({
      description: "End its agents at once, and kill it if it doesn't answer",
      exclusive: ["now"],
    }),
  };

  async run(): Promise<void> {
    const { now, force } = this.flags;
    const { stopDaemon } = await import("../../lib/client/stop-daemon.ts");
    const pid = await withProgress(
      "Waiting for the daemon and its turns to end",
      stopDaemon({
        now,
        force,
        onWaiting: (...what) => void writeStderr(runningSessionsLine(...what)),
      }),
    );
    await this.show({ stopped: pid !== undefined, ...(pid === undefined ? {} : { pid }) }, () =>
      pid === undefined ? "No daemon is running.\n" : `Stopped the daemon (process ${pid}).\n`,
    );
  }
}
