import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import {
  filtersFrom,
  limitFlag,
  limitFrom,
  modelFlag,
  secretsFlag,
  timeFlags,
  whichFlags,
} from "../../lib/cli/history/flags.ts";
import { writeIndexNotice } from "../../lib/cli/history/notice.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { MAX_COUNT } from "../../lib/protocol/history-choices.ts";

export default class HistoryList extends BaseCommand<typeof HistoryList> {
  static override summary = "List the sessions of this project, or of all, by time";
  static override description =
    "From the history index, newest first. Tokens and cost are without what a fork or clone has from another session.";
  static override examples = [
    "<%= config.bin %> history list",
    "<%= config.bin %> history list --all --since 7d",
    "<%= config.bin %> history list --project pictl --json | jq -r '.sessions[].file'",
  ];
  static override flags = {
    ...whichFlags,
    model: modelFlag,
    session: Flags.string({ char: "s", description: "Only this session", helpValue: "<session>" }),
    ...timeFlags,
    limit: limitFlag("all"),
    "show-secrets": secretsFlag,
  };

  async run(): Promise<void> {
    const { flags } = this;
    const params = {
      ...filtersFrom(flags),
      ...limitFrom(flags.limit, MAX_COUNT),
      ...(flags["show-secrets"] ? { showSecrets: true } : {}),
    };
    const client = await this.connect();
    const result = await client.request("list_history", params);
    if (!flags.json) await writeIndexNotice(result.index);
    await this.show(result, async () => {
      if (result.sessions.length === 0) {
        const [{ whoseOf }, { sanitize }] = await Promise.all([
          import("../../lib/cli/history/no-result.ts"),
          import("../../lib/cli/render/text-width.ts"),
        ]);
        const wider = flags.all ? "" : " --all lists those of every one.";
        await writeStderr(`No sessions ${sanitize(whoseOf(flags))}.${wider}\n`);
        return "";
      }
      const [{ renderHistoryList }, { colorsFor, widthOf }] = await Promise.all([
        import("../../lib/cli/render/history-list.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderHistoryList(result.sessions, {
        colors: await colorsFor(process.stdout),
        width: widthOf(process.stdout),
        directories: flags.all || flags.project !== undefined,
      });
    });
  }
}
