import { BaseCommand } from "../../lib/cli/base-command.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";

export default class HistoryStatus extends BaseCommand<typeof HistoryStatus> {
  static override summary = "What the history index holds, how far it is, and what it leaves out";
  static override description =
    "Files that can't be read, broken lines and what is no session of pi's are counted and named; they never stop anything.";
  static override examples = [
    "<%= config.bin %> history status",
    "<%= config.bin %> history status --json | jq .problems",
  ];

  async run(): Promise<void> {
    const client = await this.connect();
    const status = await client.request("get_history_status", { cwd: currentDirectory() });
    await this.show(status, async () => {
      const [{ renderHistoryStatus }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/render/history-status.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderHistoryStatus(status, await colorsFor(process.stdout));
    });
  }
}
