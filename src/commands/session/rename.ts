import { Args } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";
import { PictlError } from "../../lib/core/errors.ts";
import { checkName } from "../../lib/core/session-name.ts";
import { shellQuote } from "../../lib/core/shell-quote.ts";

export default class SessionRename extends BaseCommand<typeof SessionRename> {
  static override summary = "Give a session a name";
  static override description =
    "A name belongs to the session's repository, or to its directory outside of one, and only one session there can have it. It is as good as an id wherever a session is named. The argument is the new name: -s picks the session.";
  static override examples = [
    "<%= config.bin %> session rename review",
    '<%= config.bin %> session rename -s 019abc12 "api review"',
  ];
  static override args = { name: Args.string({ description: "The new name", required: true }) };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const name = checkName(this.args.name);
    const target = targetFrom(this.flags.session);
    const client = await this.connect();
    const result = await client.request("set_session_name", { ...target, name }).catch(explainTaken);
    await this.show(result, () => `${result.name}\n`);
  }
}

/** Who names a session here may have meant the session that is to be renamed. */
function explainTaken(error: unknown): never {
  if (!(error instanceof PictlError) || error.code !== "NAME_TAKEN") throw error;
  const { name } = error.details as { name: string };
  const hint = `${error.hint} To rename that session: pictl session rename -s ${shellQuote(name)} NEW_NAME`;
  throw new PictlError("NAME_TAKEN", error.message, { hint, details: error.details, cause: error });
}
