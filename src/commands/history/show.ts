import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { namedSession, secretsFlag, sessionFlag } from "../../lib/cli/history/flags.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { wholeNumber } from "../../lib/cli/whole-number.ts";
import { PictlError } from "../../lib/core/errors.ts";
import { MAX_COUNT } from "../../lib/protocol/history-choices.ts";

export default class HistoryShow extends BaseCommand<typeof HistoryShow> {
  static override summary = "Show a session as the history has it, or what is around one entry";
  static override description =
    "All branches, in the order in which they were written; no agent needs to run. Long tool outputs are cut as in the index.";
  static override examples = [
    "<%= config.bin %> history show 019abc12",
    "<%= config.bin %> history show review --at 7f3a91c2 -C 3",
  ];
  static override args = {
    session: Args.string({ name: "session", description: "Full id, unique prefix or name" }),
  };
  static override flags = {
    session: sessionFlag,
    at: Flags.string({ description: "Only what is around this entry", helpValue: "<entry>" }),
    context: Flags.string({
      char: "C",
      description: "Entries before and after it (default: 5)",
      helpValue: "<n>",
    }),
    "show-secrets": secretsFlag,
  };

  async run(): Promise<void> {
    const { flags, args } = this;
    const session = namedSession(args.session, flags.session);
    if (session === undefined)
      throw new PictlError("USAGE", "No session is named.", {
        hint: "Give its id or name, as `pictl history list` shows them.",
      });
    const params = {
      cwd: currentDirectory(),
      session,
      ...(flags.at === undefined ? {} : { at: flags.at }),
      ...(flags.context === undefined ? {} : { context: wholeNumber(flags.context, "--context", MAX_COUNT) }),
      ...(flags["show-secrets"] ? { showSecrets: true } : {}),
    };
    const client = await this.connect();
    const result = await client.request("show_history", params);
    await this.show(result, async () => {
      const [{ renderHistorySession }, { colorsFor, widthOf }] = await Promise.all([
        import("../../lib/cli/render/history-session.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderHistorySession(result, {
        colors: await colorsFor(process.stdout),
        width: widthOf(process.stdout),
      });
    });
  }
}
