import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { runningSessionsLine } from "../../lib/cli/render/running-sessions.ts";

export default class DaemonRestart extends BaseCommand<typeof DaemonRestart> {
  static override summary = "Stop the daemon, if one runs, and start a new one";
  static override description =
    "Turns that run get daemon.drain_timeout (30 s) to end and are aborted then. With --when-idle nothing is cut: everything is let in until a moment in which nothing runs. Sessions stay, and go on with the next prompt; only ephemeral ones end.";
  static override examples = [
    "<%= config.bin %> daemon restart",
    "<%= config.bin %> daemon restart --when-idle --timeout 1h",
    "<%= config.bin %> daemon restart --now",
  ];
  static override flags = {
    now: Flags.boolean({ description: "Abort what runs instead of waiting for it" }),
    force: Flags.boolean({
      description: "End its agents at once, and kill it if it doesn't answer",
      exclusive: ["now"],
    }),
    "when-idle": Flags.boolean({
      description: "Wait until nothing runs; exits 3 when that doesn't come",
      exclusive: ["now", "force"],
    }),
    timeout: Flags.string({
      description: "How long --when-idle waits",
      default: "10m",
      helpValue: "<duration>",
    }),
  };

  async run(): Promise<void> {
    const { now, force, timeout } = this.flags;
    const [{ stopDaemon }, { parseDuration }] = await Promise.all([
      import("../../lib/client/stop-daemon.ts"),
      import("../../lib/core/duration.ts"),
    ]);
    const whenIdle = this.flags["when-idle"] ? { whenIdleMs: parseDuration(timeout) } : {};
    const previousPid = await withProgress(
      "Waiting for the daemon and its turns to end",
      stopDaemon({
        now,
        force,
        ...whenIdle,
        onWaiting: (...what) => void writeStderr(runningSessionsLine(...what)),
      }),
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
