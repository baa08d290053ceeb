import { BaseCommand } from "../../lib/cli/base-command.ts";
import type { PiStats } from "../../lib/cli/pi-data.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionStats extends BaseCommand<typeof SessionStats> {
  static override summary = "Show messages, tokens, cost and the context used by a session";
  static override description =
    "pi's own numbers: those of tools, compactions and abandoned branches are in the totals.";
  static override examples = [
    "<%= config.bin %> session stats",
    "<%= config.bin %> session stats review --json | jq .contextUsage.percent",
  ];
  static override args = { session: sessionArg };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const stats = (await client.command("get_session_stats", target)) as PiStats;
    await this.show(stats, async () => {
      const [{ renderStats }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/render/session-stats.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderStats(stats, await colorsFor(process.stdout));
    });
  }
}
