import { BaseCommand } from "../../lib/cli/base-command.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class SessionLast extends BaseCommand<typeof SessionLast> {
  static override summary = "Print the last answer of a session";
  static override description =
    "The text of the last assistant message and nothing else; exits 4 when there is none yet.";
  static override examples = [
    "<%= config.bin %> session last",
    "<%= config.bin %> session last review > answer.md",
  ];
  static override args = { session: sessionArg };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const data = (await client.command("get_last_assistant_text", target)) as { text?: string | null };
    const text = data.text ?? "";
    if (text === "") {
      throw new PictlError("ENTRY_NOT_FOUND", "The session has no answer yet.", {
        hint: "Prompt it first; `pictl session messages` shows what there is.",
      });
    }
    await this.show({ text }, () => (text.endsWith("\n") ? text : `${text}\n`), { styled: false });
  }
}
