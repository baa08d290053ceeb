import { BaseCommand } from "../../lib/cli/base-command.ts";
import { withProgress } from "../../lib/cli/progress.ts";

export default class DaemonStart extends BaseCommand<typeof DaemonStart> {
  static override summary = "Start the daemon, if it doesn't run already";
  static override description = "Seldom needed: the first command that needs the daemon starts it.";
  static override examples = ["<%= config.bin %> daemon start"];

  async run(): Promise<void> {
    const { server } = await withProgress("Starting the daemon", this.connect());
    await this.show(
      { running: true, pid: server.pid, version: server.version },
      () => `The daemon runs (process ${server.pid}).\n`,
    );
  }
}
