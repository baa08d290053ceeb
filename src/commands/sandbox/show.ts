import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeWarnings } from "../../lib/cli/sandbox/warnings.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { sandboxProfiles } from "../../lib/core/choices.ts";

export default class SandboxShow extends BaseCommand<typeof SandboxShow> {
  static override summary = "Show the sandbox policy that holds here, and who said each line of it";
  static override description = [
    "Origins: profile, user (your sandbox.toml), workspace (.pictl/sandbox.toml of this directory's repository, which only restricts), flag.",
    "The policy of a new session, from the files as they are now.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> sandbox show",
    "<%= config.bin %> sandbox show --profile strict",
    "<%= config.bin %> sandbox show --json | jq '.lines[] | select(.origin == \"workspace\")'",
  ];
  static override flags = {
    profile: Flags.option({
      options: sandboxProfiles,
      description: "As if --sandbox said this profile",
    })(),
    args: Flags.boolean({
      description:
        "Print bubblewrap's whole command line instead, an argument a line (of `sandbox run -- true`)",
    }),
  };

  async run(): Promise<void> {
    if (this.flags.args) {
      const { bubblewrapArguments } = await import("../../lib/client/sandbox/run.ts");
      const args = await bubblewrapArguments(currentDirectory(), process.env, this.flags.profile);
      await this.show(
        { arguments: args },
        () => `${args.map((arg) => arg.replaceAll("\n", " ")).join("\n")}\n`,
      );
      return;
    }
    const { currentPolicy, shownLines } = await import("../../lib/client/sandbox/current-policy.ts");
    const current = await currentPolicy(currentDirectory(), process.env, this.flags.profile);
    const { policy, files, warnings } = current;
    const lines = shownLines(current);
    if (!this.flags.json) await writeWarnings(warnings);
    await this.show({ policy, lines, files, warnings }, async () => {
      const [{ renderPolicy }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/sandbox/show.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderPolicy(lines, await colorsFor(process.stdout));
    });
  }
}
