import { BaseCommand } from "../../lib/cli/base-command.ts";

export default class DaemonRun extends BaseCommand<typeof DaemonRun> {
  static override summary = "Run the daemon in the foreground";
  static override description =
    "For systemd, containers and debugging: logs to stderr too and ends with Ctrl-C or SIGTERM, a second one aborts the turns that run. Exits 9 when a daemon runs already.";
  static override examples = ["<%= config.bin %> daemon run", "DEBUG=pictl <%= config.bin %> daemon run"];

  async run(): Promise<void> {
    const { runDaemonInForeground } = await import("../../lib/client/run-daemon.ts");
    const exitCode = await runDaemonInForeground();
    this.setExitCode(exitCode);
    await this.show({ stopped: true, exitCode }, () => "");
    // Not by letting the loop run empty: Node takes its signal handlers back then, some time before it has ended.
    process.exit();
  }
}
