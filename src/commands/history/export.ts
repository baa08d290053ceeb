import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { markQueryWords, queryText } from "../../lib/cli/history/query.ts";
import { searchFlags, searchParams } from "../../lib/cli/history/search-flags.ts";
import { writeStdout } from "../../lib/cli/output.ts";
import { PictlError } from "../../lib/core/errors.ts";
import { jsonText } from "../../lib/core/json-text.ts";
import type { HistoryHit, HistorySearchResult } from "../../lib/protocol/history.ts";

/** Fetched at once: a record on the socket stays below its limit. */
const PAGE = 200;
const NOTHING_FOUND = 4;

export default class HistoryExport extends BaseCommand<typeof HistoryExport> {
  static override summary = "Write out everything that a search finds, with whole texts";
  static override description =
    "Newest first, unless --sort says otherwise. Long tool outputs are cut as in the index; --deep gives all of them.";
  static override examples = [
    "<%= config.bin %> history export socket timeout --all > found.jsonl",
    "<%= config.bin %> history export 'OAuth' --role user -f md > asked.md",
  ];
  static override args = {
    query: Args.string({
      name: "query",
      description: "What to look for, as in history search",
      multiple: true,
    }),
  };
  static override flags = {
    ...searchFlags,
    format: Flags.option({
      char: "f",
      options: ["jsonl", "md"] as const,
      description: "Format (default: jsonl)",
    })(),
  };

  override async init(): Promise<void> {
    markQueryWords(this.argv, { ...this.ctor.baseFlags, ...this.ctor.flags });
    await super.init();
  }

  async run(): Promise<void> {
    const { flags } = this;
    const words: readonly string[] = [this.args.query ?? []].flat();
    const query = queryText(words);
    if (query.trim() === "") throw new PictlError("USAGE", "There is nothing to look for.");
    const { limit = Number.POSITIVE_INFINITY, sort = "time", ...params } = searchParams(flags);
    const client = await this.connect();
    const all: HistoryHit[] = [];
    let count = 0;
    for (let offset = 0, more = true; more; ) {
      const page = Math.min(PAGE, limit - count);
      const request = { ...params, sort, query, offset, limit: page, fullText: true, context: 0 };
      const result = await client.request("search_history", request);
      const { hits, total, totalIsExact } = result;
      count += hits.length;
      offset += page;
      // Not when a page is short: an entry that is gone since it was indexed has left its place empty.
      more = count < limit && (offset < total || !totalIsExact);
      if (count === 0 && !more && !flags.json) await this.#explain(result);
      if (flags.json) all.push(...hits);
      else await writeStdout(hits.map(flags.format === "md" ? asMarkdown : asLine).join(""));
    }
    if (count === 0) this.setExitCode(NOTHING_FOUND);
    if (flags.json) await this.show({ hits: all, total: count }, () => "");
  }

  async #explain(result: HistorySearchResult): Promise<void> {
    const { explainNoResult } = await import("../../lib/cli/history/no-result.ts");
    await explainNoResult(result, this.flags);
  }
}

function asLine({ snippet: _, score: __, ...hit }: HistoryHit): string {
  return `${jsonText(hit)}\n`;
}

function asMarkdown({
  sessionId,
  sessionName,
  kind,
  tool,
  time,
  cwd,
  entryId,
  text = "",
}: HistoryHit): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const body = kind === "user" || kind === "assistant" ? text : `${fence}\n${text}\n${fence}`;
  const title = [kind, tool, new Date(time).toISOString()].filter(Boolean).join(" · ");
  return `## ${title}\n\n${sessionName ?? sessionId} in ${cwd} (${sessionId} ${entryId})\n\n${body}\n\n`;
}
