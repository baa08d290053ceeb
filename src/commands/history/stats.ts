import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { filtersFrom, modelFlag, timeFlags, whichFlags } from "../../lib/cli/history/flags.ts";
import { writeDaysNotice, writeIndexNotice } from "../../lib/cli/history/notice.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { PictlError } from "../../lib/core/errors.ts";
import { statsBy } from "../../lib/protocol/history-choices.ts";

export default class HistoryStats extends BaseCommand<typeof HistoryStats> {
  static override summary = "Turns, tokens and cost by model, project, day or tool";
  static override description =
    "What several sessions have in common (forks, clones) counts once. Days are those of UTC, and --since and --until count whole ones. A tool has its share of the answers that called it.";
  static override examples = [
    "<%= config.bin %> history stats --all --by project",
    "<%= config.bin %> history stats --by day --since 30d",
    "<%= config.bin %> history stats --all --json | jq '[.rows[].cost] | add'",
  ];
  static override flags = {
    by: Flags.option({ options: statsBy, description: "What to add up (default: model)" })(),
    ...whichFlags,
    model: modelFlag,
    session: Flags.string({ char: "s", description: "Only this session", helpValue: "<session>" }),
    ...timeFlags,
  };

  async run(): Promise<void> {
    const { flags } = this;
    const { by = "model", model } = flags;
    if (by === "tool" && model !== undefined) {
      throw new PictlError("USAGE", "--model can't be had together with --by tool.", {
        hint: "Calls of tools are counted without the model that made them. Leave out --model, or choose another --by.",
      });
    }
    const params = { ...filtersFrom(flags), by };
    const client = await this.connect();
    const result = await client.request("get_history_stats", params);
    if (!flags.json) {
      await writeIndexNotice(result.index);
      await writeDaysNotice(result.days);
    }
    await this.show(result, async () => {
      if (result.rows.length === 0) {
        await writeStderr("Nothing to add up here. --all looks at every project.\n");
        return "";
      }
      const [{ renderHistoryStats }, { colorsFor, widthOf }] = await Promise.all([
        import("../../lib/cli/render/history-stats.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderHistoryStats(result, {
        colors: await colorsFor(process.stdout),
        width: widthOf(process.stdout),
      });
    });
  }
}
