import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { sandboxProfiles } from "../../lib/core/choices.ts";

export default class SandboxCheck extends BaseCommand<typeof SandboxCheck> {
  static override summary = "Try to break out of the sandbox on this machine, and show what held";
  static override description = [
    "Makes the sandbox that the policy of this directory describes, around stand-ins for your files, and runs a probe in it that really tries to get out. What came of it is looked at from outside, and each attempt is also made where it is allowed, so that one that can't work anywhere shows as inconclusive.",
    "Exits 0 only when all that the policy promises held, else 7. Takes some seconds, and changes nothing.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> sandbox check",
    "<%= config.bin %> sandbox check --profile strict",
    "<%= config.bin %> sandbox check --only read-ssh,fork-bomb",
    "<%= config.bin %> sandbox check --json | jq '.rows[] | select(.status != \"held\")'",
  ];
  static override flags = {
    profile: Flags.option({
      options: sandboxProfiles,
      description: "As if --sandbox said this profile",
    })(),
    only: Flags.string({
      description: "Only these rows, separated by commas",
      helpValue: "ROW[,ROW]",
    }),
    list: Flags.boolean({ description: "Name the rows, and what each of them guards; nothing is tried" }),
  };

  async run(): Promise<void> {
    const { checkFailure, checkHere, listRows } = await import("../../lib/client/sandbox/check.ts");
    const { renderCheck, renderRowList } = await import("../../lib/cli/sandbox/check-table.ts");
    const { colorsFor } = await import("../../lib/cli/render/color.ts");
    if (this.flags.list) {
      const rows = listRows();
      await this.show({ rows }, () => renderRowList(rows));
      return;
    }
    const { withProgress } = await import("../../lib/cli/progress.ts");
    const only = this.flags.only?.split(",").map((id) => id.trim());
    const report = await withProgress(
      "Trying to get out",
      checkHere(currentDirectory(), process.env, { profile: this.flags.profile, only }),
    );
    const failure = checkFailure(report);
    const data = failure === undefined ? report : { ...report, error: failure.toBody() };
    await this.show(data, async () =>
      renderCheck(report, await colorsFor(process.stdout), process.stdout.columns),
    );
    if (failure === undefined) return;
    this.setExitCode(failure.exitCode);
    if (!this.flags.json) {
      const { formatError } = await import("../../lib/cli/describe-error.ts");
      const { writeStderr } = await import("../../lib/cli/output.ts");
      await writeStderr(formatError(failure.toBody()));
    }
  }
}
