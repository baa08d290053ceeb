import { BaseCommand } from "../../lib/cli/base-command.ts";
import { EXIT_CODES } from "../../lib/core/errors.ts";

export default class DaemonStatus extends BaseCommand<typeof DaemonStatus> {
  static override summary = "Show whether the daemon runs, and what it does";
  static override description = "Never starts one. Exits 9 when none runs.";
  static override examples = [
    "<%= config.bin %> daemon status",
    "<%= config.bin %> daemon status --json | jq '.agents | length'",
  ];

  async run(): Promise<void> {
    const client = await this.connectIfRunning();
    if (client === undefined) {
      this.setExitCode(EXIT_CODES.DAEMON_UNREACHABLE);
      await this.show({ running: false }, () => "No daemon is running.\n");
      return;
    }
    const status = await client.request("get_daemon_status", {});
    await this.show({ running: true, ...status }, async () => {
      const [{ renderDaemonStatus }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/render/daemon-status.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderDaemonStatus(status, await colorsFor(process.stdout));
    });
  }
}
