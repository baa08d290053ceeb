import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
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
      description: "How long the answer to a record that pictl doesn't know may take (default 10m)",
      helpValue: "<duration>",
    }),
  };

  async run(): Promise<void> {
    const { record, timeout, session } = { ...this.args, ...this.flags };
    const [{ parseRecord }, { sendRecord }] = await Promise.all([
      import("../../lib/cli/record-to-send.ts"),
      import("../../lib/cli/send-record.ts"),
    ]);
    const parsed = parseRecord(record === "-" ? await readStdin() : record);
    const timeoutMs = timeout === undefined ? undefined : await parseTimeout(timeout);
    const target = targetFrom(session);
    const client = await this.connect();
    const data = await sendRecord(client, parsed, { target, timeoutMs });
    await this.show(data, () => `${jsonText(data, 2)}\n`, { styled: false });
  }
}

async function readStdin(): Promise<string> {
  const { text } = await import("node:stream/consumers");
  return await text(process.stdin);
}

async function parseTimeout(text: string): Promise<number> {
  const { parseDuration } = await import("../../lib/core/duration.ts");
  return parseDuration(text);
}
