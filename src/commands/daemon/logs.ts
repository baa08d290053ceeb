import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { type LogRecord, lastRecords, logLevels } from "../../lib/cli/log-records.ts";
import { writeStderr, writeStdout } from "../../lib/cli/output.ts";
import { wholeNumber } from "../../lib/cli/whole-number.ts";

export default class DaemonLogs extends BaseCommand<typeof DaemonLogs> {
  static override summary = "Show the end of the daemon's log";
  static override description =
    "Works without a daemon. --follow goes on until Ctrl-C; --json prints an array of the log's records.";
  static override examples = [
    "<%= config.bin %> daemon logs --lines 200 --level warn",
    "<%= config.bin %> daemon logs --follow",
    "<%= config.bin %> daemon logs --json | jq -r '.[].message'",
  ];
  static override flags = {
    follow: Flags.boolean({ char: "f", description: "Show what is added, too", exclusive: ["json"] }),
    lines: Flags.string({
      char: "n",
      description: "How many of the last lines",
      default: "50",
      helpValue: "<n>",
    }),
    level: Flags.option({
      options: logLevels,
      description: "Only what is at least this urgent",
      default: "debug" as const,
    })(),
  };

  async run(): Promise<void> {
    const { level, follow } = this.flags;
    const count = wholeNumber(this.flags.lines, "--lines");
    const [{ followFile, readLines }, { resolvePaths }] = await Promise.all([
      import("../../lib/client/follow-file.ts"),
      import("../../lib/core/paths.ts"),
    ]);
    const { log } = resolvePaths(process.env);
    const { lines, end } = readLines(log);
    const records = lastRecords(lines, count, level);
    if (lines.length === 0 && !this.flags.json) await writeStderr(`The log is empty: ${log}\n`);
    await this.show(records, async () => {
      const render = await this.#renderer();
      return records.map(render).join("");
    });
    if (!follow) return;
    const render = await this.#renderer();
    const closed = new AbortController();
    process.stdout.once("close", () => closed.abort());
    await followFile(
      log,
      end,
      (line) => {
        const [record] = lastRecords([line], 1, level);
        if (record !== undefined) void writeStdout(render(record), { styled: true });
      },
      closed.signal,
    );
  }

  async #renderer(): Promise<(record: LogRecord) => string> {
    const [{ renderLogRecord }, { colorsFor }] = await Promise.all([
      import("../../lib/cli/render/log-line.ts"),
      import("../../lib/cli/render/color.ts"),
    ]);
    const colors = await colorsFor(process.stdout);
    return (record) => renderLogRecord(record, colors);
  }
}
