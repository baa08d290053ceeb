import { Args } from "@oclif/core";
import { BaseCommand } from "../lib/cli/base-command.ts";
import { type CompletionAnswer, readRequest } from "../lib/cli/completion/answer.ts";
import { asShell } from "../lib/cli/completion/shell.ts";
import { whatIsWanted } from "../lib/cli/completion/wanted.ts";
import { readManifest } from "../lib/cli/manifest.ts";
import { writeStdout } from "../lib/cli/output.ts";
import { packagePlace } from "../lib/core/package-place.ts";

/** What the scripts of `completion` run at every TAB: it answers within a blink, and says nothing but its answer. */
export default class Complete extends BaseCommand<typeof Complete> {
  static override hidden = true;
  static override summary = "Answer a completion script";
  static override passesArguments = true;
  static override args = {
    shell: Args.string({ description: "bash, zsh or fish", required: true }),
  };

  async run(): Promise<void> {
    const request = readRequest(asShell(this.args.shell), this.passedArguments());
    const { values, prefix } = whatIsWanted(
      readManifest(packagePlace().root),
      request.before,
      request.current,
    );
    const answer: CompletionAnswer = { candidates: [], prefix };
    if (values.kind === "words") answer.candidates = values.candidates;
    else if (values.kind === "files" || values.kind === "directories") answer.paths = values.kind;
    else if (values.kind !== "nothing") {
      const { askForSessions } = await import("../lib/cli/completion/ask.ts");
      const wanted = { kind: values.kind, prefix };
      answer.candidates = await askForSessions(wanted, request.current, () => this.connectIfRunning());
    }
    await writeStdout(request.answer(answer));
  }
}
