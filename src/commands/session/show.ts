import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionShow extends BaseCommand<typeof SessionShow> {
  static override summary = "Show one session, with --messages its conversation";
  static override description =
    "With --messages each message of yours has a number, which `session fork --at` takes. On a terminal long tool output is shortened.";
  static override examples = [
    "<%= config.bin %> session show",
    "<%= config.bin %> session show review --messages",
    "<%= config.bin %> session show 019abc12 --json | jq .session.cost",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    messages: Flags.boolean({ char: "m", description: "Show the conversation" }),
  };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const result = await client.request("get_session", { ...target, messages: this.flags.messages });
    await this.show(result, async () => {
      const [{ renderSessionDetails }, { renderTranscript }, { colorsFor, widthOf }] = await Promise.all([
        import("../../lib/cli/render/session-details.ts"),
        import("../../lib/cli/render/transcript.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      const colors = await colorsFor(process.stdout);
      let details = renderSessionDetails(result.session, colors);
      if (result.session.questions !== undefined) {
        const { openQuestions } = await import("../../lib/cli/render/question-text.ts");
        details += `\n${openQuestions(result.session.id, result.session.questions)}`;
      }
      if (!result.messages?.length) return details;
      return `${details}\n${renderTranscript(result.messages, { colors, width: widthOf(process.stdout) })}`;
    });
  }
}
