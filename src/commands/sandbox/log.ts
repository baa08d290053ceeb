import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { wholeNumber } from "../../lib/cli/whole-number.ts";

export default class SandboxLog extends BaseCommand<typeof SandboxLog> {
  static override summary = "Show which hosts sandboxed agents have reached, and which were refused";
  static override description =
    "Every connection through the gate, the newest last. Never a path, a header or a body. -s takes the whole id of a session.";
  static override examples = [
    "<%= config.bin %> sandbox log",
    "<%= config.bin %> sandbox log --refused -n 10",
    "<%= config.bin %> sandbox log --json | jq -r '.records[].host' | sort | uniq -c",
  ];
  static override flags = {
    session: Flags.string({
      char: "s",
      description: "Only of this session (its whole id)",
      helpValue: "<id>",
    }),
    refused: Flags.boolean({ description: "Only what was refused or failed" }),
    limit: Flags.string({
      char: "n",
      description: "How many, at most",
      default: "50",
      helpValue: "<number>",
    }),
  };

  async run(): Promise<void> {
    const { session, refused, limit } = this.flags;
    const { sandboxRecords } = await import("../../lib/client/sandbox/access-records.ts");
    const records = sandboxRecords(process.env, { session, refused, limit: wholeNumber(limit, "--limit") });
    await this.show({ records }, async () => {
      const [{ renderAccessRecords }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/sandbox/access-records.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderAccessRecords(records, await colorsFor(process.stdout));
    });
  }
}
