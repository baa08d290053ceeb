import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr, writeStdout } from "../../lib/cli/output.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { sandboxProfiles } from "../../lib/core/choices.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class SandboxRun extends BaseCommand<typeof SandboxRun> {
  static override summary = "Run a command under the sandbox policy of this directory";
  static override description = [
    "Its exit code is passed on. It runs where a session's agent would, with the same files, network and limits,",
    "save that no model can be reached. 7: the sandbox can't be had, and nothing was run.",
  ].join(" ");
  static override examples = [
    "<%= config.bin %> sandbox run -- npm test",
    "<%= config.bin %> sandbox run --profile strict -- sh -c 'ls ~; curl https://example.com'",
  ];
  static override passesArguments = true;
  static override flags = {
    profile: Flags.option({
      options: sandboxProfiles,
      description: "As if --sandbox said this profile",
    })(),
  };

  async run(): Promise<void> {
    const command = this.passedArguments();
    if (command.length === 0) {
      throw new PictlError("USAGE", "There is no command to run.", {
        hint: "Write it after --: pictl sandbox run -- npm test",
      });
    }
    const { runSandboxed } = await import("../../lib/client/sandbox/run.ts");
    const output = { writeStdout, writeStderr };
    this.setExitCode(
      await runSandboxed(command, currentDirectory(), process.env, this.flags.profile, output),
    );
  }
}
