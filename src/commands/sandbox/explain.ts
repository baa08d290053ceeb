import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { writeWarnings } from "../../lib/cli/sandbox/warnings.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { sandboxProfiles } from "../../lib/core/choices.ts";

export default class SandboxExplain extends BaseCommand<typeof SandboxExplain> {
  static override summary = "Say whether an agent in the sandbox may use a path or a host, and why";
  static override description = [
    "Symlinks are followed. A name that exists here is a path, else a host; a host without a port is asked for 443.",
    "What pi itself needs (its settings, the sessions of this directory) comes on top of what is said of paths.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> sandbox explain ~/.ssh/id_ed25519",
    "<%= config.bin %> sandbox explain registry.npmjs.org",
    "<%= config.bin %> sandbox explain github.com:22 --profile strict",
  ];
  static override args = {
    target: Args.string({ description: "Path, host, host:port or URL", required: true }),
  };
  static override flags = {
    profile: Flags.option({
      options: sandboxProfiles,
      description: "As if --sandbox said this profile",
    })(),
  };

  async run(): Promise<void> {
    const [{ currentPolicy }, { explainTarget }] = await Promise.all([
      import("../../lib/client/sandbox/current-policy.ts"),
      import("../../lib/client/sandbox/explain-target.ts"),
    ]);
    const current = await currentPolicy(currentDirectory(), process.env, this.flags.profile);
    const explanation = explainTarget(current, this.args.target);
    if (!this.flags.json) {
      await writeWarnings(current.warnings);
      if (!explanation.enabled)
        await writeStderr("No sandbox is enabled here: this is what would hold with --sandbox.\n");
    }
    await this.show(explanation, async () => {
      const [{ renderExplanation }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/sandbox/explain.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderExplanation(explanation, await colorsFor(process.stdout));
    });
  }
}
