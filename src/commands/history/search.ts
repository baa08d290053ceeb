import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { markQueryWords, queryText } from "../../lib/cli/history/query.ts";
import { searchFlags, searchParams } from "../../lib/cli/history/search-flags.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { wholeNumber } from "../../lib/cli/whole-number.ts";
import type { Client } from "../../lib/client/client.ts";
import { PictlError } from "../../lib/core/errors.ts";
import type { HistorySearchResult } from "../../lib/protocol/history.ts";
import { MAX_CONTEXT_LINES, MAX_COUNT } from "../../lib/protocol/history-choices.ts";
import type { RequestParams } from "../../lib/protocol/requests.ts";

/** Not found: as with a session that doesn't exist. */
const NOTHING_FOUND = 4;
/** Hits fetched at once for their paths: some two megabytes. */
const PAGE = 2_000;

export default class HistorySearch extends BaseCommand<typeof HistorySearch> {
  static override summary = "Find anything ever said in a session of this project, or of all";
  static override description =
    'All words must occur; "a phrase", one OR other, -not, begin*; code as it stands. Exits with 4 when nothing is found.';
  static override examples = [
    "<%= config.bin %> history search socket timeout",
    "<%= config.bin %> history search '\"connection reset\"' --all --since 7d",
    "<%= config.bin %> history search 'foo.bar_baz(' --tool bash --json | jq -r '.hits[].snippet.text'",
    "<%= config.bin %> history search -i",
  ];
  static override args = {
    query: Args.string({ name: "query", description: "What to look for", multiple: true }),
  };
  static override flags = {
    ...searchFlags,
    context: Flags.string({ char: "C", description: "Lines to show around each hit", helpValue: "<n>" }),
    format: Flags.option({
      options: ["text", "paths"] as const,
      description: "paths: the session files that have a hit, one a line; all of them without --limit",
    })(),
    interactive: Flags.boolean({
      char: "i",
      description: "Search while typing; enter continues the session",
    }),
  };

  override async init(): Promise<void> {
    markQueryWords(this.argv, { ...this.ctor.baseFlags, ...this.ctor.flags });
    await super.init();
  }

  async run(): Promise<void> {
    const { flags } = this;
    const words: readonly string[] = [this.args.query ?? []].flat();
    const query = queryText(words);
    const params = {
      ...searchParams(flags, MAX_COUNT),
      ...(flags.context === undefined
        ? {}
        : { context: wholeNumber(flags.context, "--context", MAX_CONTEXT_LINES) }),
    };
    if (flags.interactive) {
      const { searchInteractively } = await import("../../lib/cli/history/interactive.ts");
      await searchInteractively(await this.connect(), query, params);
      return;
    }
    if (query.trim() === "") {
      throw new PictlError("USAGE", "There is nothing to look for.", {
        hint: "Give some words, or -i to search while typing. All sessions: pictl history list.",
      });
    }
    const client = await this.connect();
    const request = { ...params, query };
    const result = await withProgress("Searching", client.request("search_history", request));
    if (result.total === 0) this.setExitCode(NOTHING_FOUND);
    if (!flags.json) await this.#explain(result);
    await this.show(result, () =>
      flags.format === "paths"
        ? withProgress("Searching", pathsOf(client, request, result))
        : this.#render(result),
    );
  }

  async #explain(result: HistorySearchResult): Promise<void> {
    if (!result.index.complete) {
      const { writeIndexNotice } = await import("../../lib/cli/history/notice.ts");
      await writeIndexNotice(result.index);
    }
    if (result.total > 0) return;
    const { explainNoResult } = await import("../../lib/cli/history/no-result.ts");
    await explainNoResult(result, this.flags);
  }

  async #render(result: HistorySearchResult): Promise<string> {
    if (result.total === 0) return "";
    const [{ renderHits }, { colorsFor }] = await Promise.all([
      import("../../lib/cli/render/history-hits.ts"),
      import("../../lib/cli/render/color.ts"),
    ]);
    return renderHits(result, { colors: await colorsFor(process.stdout) });
  }
}

/** The files of the hits, those of the best first; of all hits where no limit was set. */
async function pathsOf(
  client: Client,
  request: RequestParams<"search_history">,
  first: HistorySearchResult,
): Promise<string> {
  const files = new Set(first.hits.map(({ file }) => file));
  const isAll = request.limit !== undefined || (first.totalIsExact && first.hits.length === first.total);
  for (let offset = 0, more = !isAll; more; offset += PAGE) {
    const { hits, total, totalIsExact } = await client.request("search_history", {
      ...request,
      offset,
      limit: PAGE,
      context: 0,
    });
    for (const { file } of hits) files.add(file);
    // Not when a page is short: an entry that is gone since it was indexed has left its place empty.
    more = totalIsExact ? offset + PAGE < total : hits.length > 0;
  }
  return [...files].map((file) => `${file}\n`).join("");
}
