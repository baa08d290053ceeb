import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { exportFormats, exportTarget, formatOf, refuseOwnFile } from "../../lib/cli/export-target.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";

export default class SessionExport extends BaseCommand<typeof SessionExport> {
  static override summary = "Export a session as HTML, Markdown, JSON or pi's own JSONL";
  static override description =
    "Goes to stdout, or to a file with -o. No agent needs to run. With --json and no -o the export is the document's `content`.";
  static override examples = [
    "<%= config.bin %> session export > talk.md",
    "<%= config.bin %> session export review -o review.html",
    "<%= config.bin %> session export -f json | jq -r '.messages[-1].text'",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    format: Flags.option({
      char: "f",
      options: exportFormats,
      description: "Format (default: what the name of the file says, else md)",
    })(),
    output: Flags.string({ char: "o", description: "File to write; - is stdout", helpValue: "<file>" }),
    force: Flags.boolean({ description: "Overwrite the file if it exists" }),
  };

  async run(): Promise<void> {
    const { flags } = this;
    const target = exportTarget(flags.output, flags.force);
    const format = flags.format ?? formatOf(flags.output);
    const params = { ...pickSession(this.args.session, flags.session), format };
    const client = await this.connect();
    if (target.kind === "file" && flags.force) {
      const { session } = await client.request("get_session", pickSession(this.args.session, flags.session));
      refuseOwnFile(target.path, session.file);
    }
    const { exportAsStream } = await import("../../lib/client/export-stream.ts");
    const { sessionId, content, mode } = await withProgress(
      "Exporting the session",
      exportAsStream(client, params),
    );
    const { copyToDevice, copyToFile, copyToStdout } = await import("../../lib/cli/copy-export.ts");
    if (target.kind === "file") {
      const { path } = target;
      await copyToFile(content, path, { mode, replace: flags.force });
      if (!flags.json) await writeStderr(`Exported to ${path}\n`);
      await this.show({ sessionId, path, format }, () => "");
    } else if (target.kind === "device") {
      await copyToDevice(content, target.path);
      await this.show({ sessionId, path: target.path, format }, () => "");
    } else if (flags.json) {
      const { text } = await import("node:stream/consumers");
      await this.show({ sessionId, format, content: await text(content) }, () => "");
    } else {
      await copyToStdout(content);
    }
  }
}
