import { Args } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { EXIT_INTERRUPTED, interruptible } from "../../lib/cli/interruptible.ts";
import { goesOn, sayWhenTerminated } from "../../lib/cli/last-line.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import type { PiCompaction } from "../../lib/cli/pi-data.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";

export default class SessionCompact extends BaseCommand<typeof SessionCompact> {
  static override summary = "Replace what was said so far by a summary, to free context";
  static override description =
    "Prints the summary; stderr tells the tokens before and after. The words are instructions for it. Refused while a turn runs. The session's file keeps everything, and Ctrl-C leaves it as it was.";
  static override examples = [
    "<%= config.bin %> session compact",
    '<%= config.bin %> session compact -s review "keep the list of open questions"',
  ];
  static override textArguments = true;
  static override args = {
    instructions: Args.string({ description: "What the summary should look to", multiple: true }),
  };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const words: readonly string[] = this.args.instructions ?? [];
    const customInstructions = words.join(" ").trim();
    const target = targetFrom(this.flags.session);
    const client = await this.connect();
    await this.refuseSessionWord(client, words, "session compact", "instructions for the summary");
    const result = await interruptible(async (interrupted) => {
      interrupted.addEventListener(
        "abort",
        () => void client.request("abort", target).catch(() => undefined),
      );
      const command = { ...target, ...(customInstructions === "" ? {} : { customInstructions }) };
      const forget = sayWhenTerminated(() =>
        goesOn("compaction", "sessionId" in target ? target.sessionId : ""),
      );
      try {
        return (await withProgress("Compacting", client.command("compact", command))) as PiCompaction;
      } catch (error) {
        if (interrupted.aborted) return undefined;
        throw error;
      } finally {
        forget();
      }
    });
    if (result === undefined) {
      await writeStderr("Interrupted: the session was not compacted.\n");
      this.setExitCode(EXIT_INTERRUPTED);
      return;
    }
    if (!this.flags.json) await writeStderr(await tokensLine(result));
    await this.show(result, () => `${result.summary.trimEnd()}\n`, { styled: false });
  }
}

async function tokensLine({ tokensBefore, estimatedTokensAfter }: PiCompaction): Promise<string> {
  const { compactNumber } = await import("../../lib/cli/render/numbers.ts");
  const after =
    estimatedTokensAfter === undefined ? "" : `, about ${compactNumber(estimatedTokensAfter)} after`;
  return `${compactNumber(tokensBefore)} tokens before${after}\n`;
}
