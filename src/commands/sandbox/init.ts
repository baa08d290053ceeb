import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { sandboxProfiles } from "../../lib/core/choices.ts";

export default class SandboxInit extends BaseCommand<typeof SandboxInit> {
  static override summary = "Write a commented sandbox.toml to start from";
  static override description = [
    "It enables the sandbox for every new session: yours, or those of this repository.",
    "A workspace's file can only restrict what each person's own allows.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> sandbox init",
    "<%= config.bin %> sandbox init --profile strict",
    "<%= config.bin %> sandbox init --workspace --profile development",
  ];
  static override flags = {
    workspace: Flags.boolean({
      char: "w",
      description: ".pictl/sandbox.toml of this directory's repository",
    }),
    profile: Flags.option({
      options: sandboxProfiles,
      description: "The profile to begin with",
      default: "development",
    })(),
    force: Flags.boolean({ description: "Replace the file if it exists" }),
  };

  async run(): Promise<void> {
    const { initPolicy } = await import("../../lib/client/sandbox/init-policy.ts");
    const { workspace, profile, force, json } = this.flags;
    const written = initPolicy({
      ...(workspace ? { workspace: currentDirectory() } : {}),
      env: process.env,
      profile,
      force,
    });
    await this.show(written, () => `${written.path}\n`);
    if (json) return;
    await writeStderr(
      `New sessions ${workspace ? "here " : ""}run in a sandbox from now on. Try it on this machine: pictl sandbox check\n`,
    );
  }
}
