import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { deadlineFrom, within } from "../../lib/cli/deadline.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";
import { jsonText } from "../../lib/core/json-text.ts";

export default class SessionSend extends BaseCommand<typeof SessionSend> {
  static override summary = "Send any record to the agent of a session and print its answer";
  static override description =
    "For what has no command of its own, as pi's docs/rpc-commands.md describes it; - reads the record from stdin. Prints the answer's data as JSON. What the daemon has a request for goes to it (docs/protocol.md).";
  static override examples = [
    `<%= config.bin %> session send '{"type":"get_state"}'`,
    `<%= config.bin %> session send -s review '{"type":"export_html","outputPath":"/tmp/review.html"}'`,
    "<%= config.bin %> session send - < record.json",
  ];
  static override args = {
    record: Args.string({ description: "A JSON object with a type; - is stdin", required: true }),
  };
  static override flags = {
    session: sessionFlag,
    timeout: Flags.string({
      description:
        "Give up this long after the start of the command and exit 3 (default: 10m for a record that pictl doesn't know)",
      helpValue: "<duration>",
    }),
  };

  async run(): Promise<void> {
    const { record, timeout, session } = { ...this.args, ...this.flags };
    const [{ parseRecord }, { sendRecord }] = await Promise.all([
      import("../../lib/cli/record-to-send.ts"),
      import("../../lib/cli/send-record.ts"),
    ]);
    const deadline = await deadlineFrom(timeout);
    const parsed = parseRecord(
      record === "-" ? await within(deadline, "Reading stdin", readStdin()) : record,
    );
    const target = targetFrom(session);
    const client = await within(deadline, "Connecting to the daemon", this.connect());
    const sending = sendRecord(client, parsed, { target, timeoutMs: deadline?.remainingMs });
    const data = await within(deadline, "The request", sending);
    await this.show(data, () => `${jsonText(data, 2)}\n`, { styled: false });
  }
}

async function readStdin(): Promise<string> {
  const { readStdin } = await import("../../lib/cli/prompt/text-sources.ts");
  return await readStdin("Waiting for the end of stdin…");
}
