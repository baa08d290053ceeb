import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { withProgress } from "../../lib/cli/progress.ts";

export default class DaemonRestart extends BaseCommand<typeof DaemonRestart> {
  static override summary = "Stop the daemon, if one runs, and start a new one";
  static override description =
    "Turns that run get 30 seconds to end. Sessions stay, and go on with the next prompt.";
  static override examples = ["<%= config.bin %> daemon restart", "<%= config.bin %> daemon restart --now"];
  static override flags = {
    now: Flags.boolean({ description: "Abort what runs instead of waiting for it" }),
    force: Flags.boolean({
      description: "Kill the old daemon: for one that doesn't answer",
      exclusive: ["now"],
    }),
  };

  async run(): Promise<void> {
    const { now, force } = this.flags;
    const { stopDaemon } = await import("../../lib/client/stop-daemon.ts");
    const previousPid = await withProgress(
      "Waiting for the daemon and its turns to end",
      stopDaemon({ now, force }),
    );
    const { server } = await withProgress("Starting the daemon", this.connect());
    const data = {
      running: true,
      pid: server.pid,
      version: server.version,
      ...(previousPid === undefined ? {} : { previousPid }),
    };
    await this.show(data, () => `The daemon runs (process ${server.pid}).\n`);
  }
}
