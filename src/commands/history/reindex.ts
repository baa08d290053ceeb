import { Args } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { namedSession, sessionFlag } from "../../lib/cli/history/flags.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { counted } from "../../lib/cli/render/numbers.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";

export default class HistoryReindex extends BaseCommand<typeof HistoryReindex> {
  static override summary = "Make the history index anew, or one session's part of it";
  static override description =
    "Never needed: an index that is damaged, gone or of another version is made anew by itself. pi's files are only read.";
  static override examples = [
    "<%= config.bin %> history reindex",
    "<%= config.bin %> history reindex 019abc12",
  ];
  static override args = {
    session: Args.string({ name: "session", description: "Only this session: id, unique prefix or name" }),
  };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const session = namedSession(this.args.session, this.flags.session);
    const cwd = currentDirectory();
    const client = await this.connect();
    const began = client.request("reindex_history", { cwd, ...(session === undefined ? {} : { session }) });
    const { followIndexing } = await import("../../lib/cli/history/follow-indexing.ts");
    await began;
    const status = await followIndexing(client, cwd);
    if (!this.flags.json)
      await writeStderr(
        `Indexed ${counted(status.files, "file")}, ${counted(status.entries, "entry", "entries")}.\n`,
      );
    await this.show(status, () => "");
  }
}
