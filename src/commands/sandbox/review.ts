import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SandboxReview extends BaseCommand<typeof SandboxReview> {
  static override summary = "Show what a sandboxed session changed that something outside may run or obey";
  static override description = [
    "Hooks, scripts of package.json, Makefile, .envrc, tasks of editors, CI files, settings of agents, pointers of git, links out of the workspace, files that git was made to overlook, and more of that kind (docs/sandbox.md), compared with how they were before the session's first agent began, or with what was accepted last. Changes of others in the same workspace show too. Programs that you run by hand, and sources that are compiled, aren't among them: look at the diff.",
    "Exits 0 when there is nothing, and 7 when there is something, or something that couldn't be looked at.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> sandbox review",
    "<%= config.bin %> sandbox review fix-tests --stat",
    "<%= config.bin %> sandbox review && npm test",
    "<%= config.bin %> sandbox review --accept",
    "<%= config.bin %> sandbox review --json --no-diff | jq -r '.changes[].path'",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    accept: Flags.boolean({
      description: "Make what is shown the state that the next review compares with, and exit 0",
    }),
    "no-diff": Flags.boolean({ description: "List the files alone", exclusive: ["stat"] }),
    stat: Flags.boolean({ description: "List the files with the number of changed lines" }),
  };

  async run(): Promise<void> {
    const { accept, stat, json } = this.flags;
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const { withProgress } = await import("../../lib/cli/progress.ts");
    const result = await withProgress(
      "Looking at the workspace",
      client.request("review_session", { ...target, accept }),
    );
    const { reviewFailure, withoutDiffs } = await import("../../lib/cli/sandbox/review.ts");
    const failure = reviewFailure(result);
    const shown = this.flags["no-diff"] || stat ? withoutDiffs(result) : result;
    await this.show(failure === undefined ? shown : { ...shown, error: failure.toBody() }, async () => {
      const [{ renderReview }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/sandbox/review-text.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderReview(shown, await colorsFor(process.stdout), { stat });
    });
    if (failure === undefined) return;
    this.setExitCode(failure.exitCode);
    if (json) return;
    const { formatError } = await import("../../lib/cli/describe-error.ts");
    const { writeStderr } = await import("../../lib/cli/output.ts");
    await writeStderr(formatError(failure.toBody()));
  }
}
