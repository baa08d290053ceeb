/**
 * Measures the history index on a corpus from a seeded generator, against ripgrep over the same files in the same
 * run. Prints the table and writes it to docs/performance.md.
 * Usage: npm run bench:history [-- --quick | --megabytes N] [--seed N]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Client } from "../src/lib/client/client.ts";
import type { HistorySearchResult } from "../src/lib/protocol/history.ts";
import { measuredWith, writePerformance } from "./document.ts";
import { type Corpus, makeCorpus } from "./history/corpus.ts";
import { textMaker } from "./history/text.ts";
import { PICTL, Place } from "./place.ts";
import { pick, seededRandom } from "./random.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    megabytes: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const MEGABYTES = Number(values.megabytes ?? (values.quick ? 100 : 1000));
const SEED = Number(values.seed);
const QUERIES = values.quick ? 50 : 200;
/** ripgrep takes a tenth of a second for each. */
const RG_QUERIES = values.quick ? 5 : 20;
const APPENDED_TURNS = 20;
const COMMAND_RUNS = values.quick ? 5 : 15;

interface Row {
  what: string;
  result: string;
  budget?: string;
  met?: boolean;
}

interface Kind {
  name: string;
  queries: string[];
  /** Milliseconds of p95. */
  budget?: number;
  /** What ripgrep is given for a query. */
  pattern: (query: string) => string[];
}

async function run(place: Place): Promise<{ rows: Row[]; searches: string[] }> {
  const corpus = makeCorpus(place.env.PI_CODING_AGENT_DIR ?? "", MEGABYTES * 1e6, SEED);
  // Sessions were written long ago: what the disk still has to take isn't the index's to pay for.
  execFileSync("sync");
  await place.pictl("daemon", "start");
  const client = await Client.connect(place.socket);
  if (client === undefined) throw new Error("no daemon runs");
  client.introduce("0.0.0-bench", place.env);
  const { pid } = await client.request("get_daemon_status", {});
  const rows: Row[] = [];

  const before = residentMegabytes(pid);
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, residentMegabytes(pid));
  }, 20);
  const began = performance.now();
  await client.request("reindex_history", { wait: true });
  const seconds = (performance.now() - began) / 1000;
  clearInterval(watch);
  const { database, entries } = await client.request("get_history_status", {});
  const speed = corpus.bytes / 1e6 / seconds;
  const share = (100 * database.bytes) / corpus.bytes;
  rows.push(
    {
      what: "first index",
      result: `${speed.toFixed(0)} MB/s (${seconds.toFixed(1)} s, ${entries} entries)`,
      budget: "≥ 50 MB/s",
      met: speed >= 50,
    },
    {
      what: "database",
      result: `${(database.bytes / 1e6).toFixed(0)} MB, ${share.toFixed(1)} % of the files`,
      budget: "≤ 25 %",
      met: share <= 25,
    },
    {
      what: "memory of the daemon while indexing",
      result: `+${(peak - before).toFixed(0)} MB (${peak.toFixed(0)} MB resident)`,
      budget: "≤ +150 MB",
      met: peak - before <= 150,
    },
  );
  rows.push(await appended(client, corpus));
  const searches = await measureKinds(client, corpus, place);
  rows.push(command(place));
  client.close();
  return { rows, searches };
}

/** A turn is written to a session, and the next search has it. */
async function appended(client: Client, corpus: Corpus): Promise<Row> {
  const times: number[] = [];
  for (let i = 0; i < APPENDED_TURNS; i++) {
    const word = `appendedturn${i}x`;
    const timestamp = new Date().toISOString();
    const lines = ["user", "assistant"].map((role, n) =>
      JSON.stringify({
        type: "message",
        id: `app${i}${n}`,
        parentId: null,
        timestamp,
        message: { role, content: [{ type: "text", text: `${word} ${"word ".repeat(200)}` }], timestamp: 0 },
      }),
    );
    appendFileSync(pick(corpus.files, seededRandom(SEED + i)), `${lines.join("\n")}\n`);
    const began = performance.now();
    const { total } = await client.request("search_history", { query: word, scope: "all" });
    times.push(performance.now() - began);
    if (total !== 2) throw new Error(`the appended turn ${i} was found ${total} times`);
  }
  const p50 = percentile(times, 0.5);
  return {
    what: "a search that takes in one new turn",
    result: `${p50.toFixed(1)} ms (p95 ${percentile(times, 0.95).toFixed(1)})`,
    budget: "≤ 20 ms",
    met: p50 <= 20,
  };
}

async function measureKinds(client: Client, corpus: Corpus, place: Place): Promise<string[]> {
  const lines = [
    "| query | search, p50 | search, p95 | budget, p95 | met | request to answer, p50 / p95 | hits, median | ripgrep, p50 |",
    "|---|---|---|---|---|---|---|---|",
  ];
  for (const { name, queries, budget, pattern } of kinds(corpus)) {
    const [times, inside, totals] = [[] as number[], [] as number[], [] as number[]];
    for (const query of queries) {
      const began = performance.now();
      const result: HistorySearchResult = await client.request("search_history", { query, scope: "all" });
      times.push(performance.now() - began);
      inside.push(result.tookMs);
      totals.push(result.total);
    }
    const rg = queries.slice(0, RG_QUERIES).map((query) => ripgrep(pattern(query), place));
    const p95 = percentile(inside, 0.95);
    const limit = budget === undefined ? " | " : `≤ ${budget} ms | ${p95 <= budget ? "yes" : "**no**"}`;
    const whole = `${ms(percentile(times, 0.5))} / ${ms(percentile(times, 0.95))}`;
    lines.push(
      `| ${name} | ${ms(percentile(inside, 0.5))} | ${ms(p95)} | ${limit} | ${whole} | ${percentile(totals, 0.5)} | ${ms(percentile(rg, 0.5))} |`,
    );
  }
  return lines;
}

/** The queries of each kind, from the words that the generator uses and from the files. */
function kinds(corpus: Corpus): Kind[] {
  const random = seededRandom(SEED + 99);
  const { vocabulary } = textMaker(seededRandom(SEED));
  const between = (from: number, to: number) => () =>
    vocabulary[from + Math.floor(random() * (to - from))] ?? "";
  const many = (make: () => string) => Array.from({ length: QUERIES }, make);
  const word = (query: string) => ["--fixed-strings", "--word-regexp", query];
  const literal = (query: string) => ["--fixed-strings", query.replaceAll('"', "")];
  const common = between(0, 60);
  const code = samples(corpus, /\w+\.\w+\(\w+\)/, random);
  const phrases = samples(corpus, /[a-z]{3,} [a-z]{3,} [a-z]{3,}/, random).map((text) => `"${text}"`);
  return [
    { name: "rare words", queries: many(between(15_000, 30_000)), budget: 10, pattern: word },
    { name: "middling words", queries: many(between(500, 3_000)), budget: 10, pattern: word },
    { name: "common words", queries: many(common), budget: 50, pattern: word },
    {
      name: "prefixes of 3 or 4 letters",
      queries: many(() => `${between(100, 20_000)().slice(0, random() < 0.5 ? 3 : 4)}*`),
      budget: 50,
      pattern: (query) => ["--word-regexp", `${query.slice(0, -1)}\\w*`],
    },
    {
      name: "two common words",
      queries: many(() => `${common()} ${common()}`),
      pattern: (query) => word(query.split(" ")[0] ?? ""),
    },
    { name: "phrases", queries: phrases, pattern: literal },
    { name: "code", queries: code, pattern: literal },
    { name: "Japanese", queries: many(() => pick(["日本語", "検索", "語の検"], random)), pattern: literal },
  ];
}

function samples({ files }: Corpus, pattern: RegExp, random: () => number): string[] {
  const found: string[] = [];
  while (found.length < QUERIES) {
    const text = readFileSync(pick(files, random), "utf8");
    const match = pattern.exec(text.slice(Math.floor(random() * text.length)));
    if (match !== null) found.push(match[0]);
  }
  return found;
}

function ripgrep(pattern: readonly string[], place: Place): number {
  const began = performance.now();
  const args = [
    "--no-config",
    "--no-ignore",
    "--hidden",
    "--ignore-case",
    "--count",
    ...pattern,
    "--",
    place.env.PI_CODING_AGENT_DIR ?? "",
  ];
  const { error, status } = spawnSync("rg", args, { stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1e9 });
  if (error !== undefined || status === 2) return Number.NaN;
  return performance.now() - began;
}

/** The whole command as a shell runs it, beside Node alone. */
function command(place: Place): Row {
  const [pictl, node]: [number[], number[]] = [[], []];
  const timed = (times: number[], program: string, args: string[]) => {
    const began = performance.now();
    execFileSync(program, args, { cwd: place.cwd, env: place.env, stdio: ["ignore", "pipe", "pipe"] });
    times.push(performance.now() - began);
  };
  for (let i = 0; i < COMMAND_RUNS; i++) {
    timed(pictl, PICTL, ["history", "search", "--all", "socket", "timeout"]);
    timed(node, process.execPath, ["-e", "0"]);
  }
  const [mine, theirs] = [percentile(pictl, 0.5), percentile(node, 0.5)];
  return {
    what: "`pictl history search --all socket timeout`, the whole command",
    result: `${mine.toFixed(0)} ms, ${(mine / theirs).toFixed(2)} × \`node -e 0\` (${theirs.toFixed(0)} ms)`,
    budget: "≤ 3.5 ×",
    met: mine / theirs <= 3.5,
  };
}

function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1000;
}

function percentile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function ms(value: number): string {
  return Number.isNaN(value) ? "not installed" : `${value.toFixed(1)} ms`;
}

const place = new Place();
try {
  const { rows, searches } = await run(place);
  const table = [
    `${MEGABYTES} MB of sessions (seed ${SEED}):`,
    "",
    "| what | result | budget | met |",
    "|---|---|---|---|",
    ...rows.map(
      ({ what, result, budget, met }) =>
        `| ${what} | ${result} | ${budget ?? ""} | ${met === undefined ? "" : met ? "yes" : "**no**"} |`,
    ),
    "",
    `${QUERIES} queries of each kind, over all projects:`,
    "",
    ...searches,
  ].join("\n");
  process.stdout.write(`${table}\n`);
  if (!values.quick && values.megabytes === undefined)
    writePerformance({ history: `${measuredWith("npm run bench:history")}\n\n${table}` });
} finally {
  await place.dispose();
}
