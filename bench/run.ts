/**
 * Measures what the design says that pictl may cost, each beside what it is compared with, in one run. Prints
 * the table and writes it to docs/performance.md. Usage: npm run bench [-- --quick]
 */
import { fileURLToPath } from "node:url";
import { measuredWith, writePerformance } from "./document.ts";
import { FLOOD, Place } from "./place.ts";
import { parkedSession } from "./resume.ts";
import { sandboxedStarts } from "./sandboxed.ts";
import { startUpLines } from "./start-up.ts";
import { daemonPrompter, directPrompter, type Prompter } from "./streams.ts";

const QUICK = process.argv.includes("--quick");
const COMMAND_RUNS = QUICK ? 5 : 25;
const START_UP_RUNS = QUICK ? 3 : 15;
const COLD_RUNS = QUICK ? 3 : 12;
const LATENCY_RUNS = QUICK ? 50 : 500;
const RESUME_RUNS = QUICK ? 10 : 40;
const SANDBOX_RUNS = QUICK ? 8 : 30;
const FLOOD_RUNS = QUICK ? 2 : 7;

interface Sample {
  median: number;
  /** Half the distance between the quartiles: the machine's noise. */
  noise: number;
}

interface Row {
  what: string;
  measured: Sample;
  reference: Sample;
  referenceName: string;
  budget: string;
  met: boolean;
  result: string;
}

function summarize(values: number[]): Sample {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { median: at(0.5), noise: (at(0.75) - at(0.25)) / 2 };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}

/**
 * Runs two actions in turns, so that what else the machine does falls on both alike, and summarizes each.
 * Nothing else is measured with them: a benchmark library would measure one after the other.
 */
async function sideBySide(
  runs: number,
  a: () => Promise<unknown>,
  b: () => Promise<unknown>,
  prepare: () => Promise<unknown> = async () => undefined,
): Promise<[Sample, Sample]> {
  const [as, bs]: [number[], number[]] = [[], []];
  for (let i = -1; i < runs; i++) {
    await prepare();
    const first = await timed(a);
    const second = await timed(b);
    // The first round warms caches up.
    if (i < 0) continue;
    as.push(first);
    bs.push(second);
  }
  return [summarize(as), summarize(bs)];
}

function ratioRow(
  what: string,
  [measured, reference]: [Sample, Sample],
  referenceName: string,
  budget: number,
): Row {
  const ratio = measured.median / reference.median;
  return {
    what,
    measured,
    reference,
    referenceName,
    budget: `≤ ${budget} ×`,
    met: ratio <= budget,
    result: `${ratio.toFixed(2)} ×`,
  };
}

async function commandRows(place: Place): Promise<Row[]> {
  const node = () => place.run(process.execPath, ["-e", "0"]);
  await place.pictl("prompt", "--model", "scripted/echo", "hello");
  const list = await sideBySide(COMMAND_RUNS, () => place.pictl("session", "list"), node);
  const warm = await sideBySide(
    COMMAND_RUNS,
    () => place.pictl("prompt", "hello"),
    () => place.piPrint("hello"),
  );
  const cold = await sideBySide(
    COLD_RUNS,
    () => place.pictl("prompt", "--new", "--model", "scripted/echo", "hello"),
    () => place.piPrint("hello"),
    () => place.pictl("daemon", "stop", "--now"),
  );
  return [
    ratioRow("`pictl session list`, daemon warm", list, "`node -e 0`", 2.8),
    ratioRow("`pictl prompt`, warm session, instant model", warm, "`pi -p`", 0.3),
    ratioRow("`pictl prompt`, nothing running yet", cold, "`pi -p`", 1.5),
  ];
}

/** Both prompters run their turns alternately in one loop. */
async function turnTimes(
  place: Place,
  model: string,
  runs: number,
  pick: (times: Awaited<ReturnType<Prompter["prompt"]>>) => number,
) {
  const through = await daemonPrompter(place, model);
  const direct = await directPrompter(place, model);
  try {
    const [a, b]: [number[], number[]] = [[], []];
    for (let i = -1; i < runs; i++) {
      const first = await through.prompt("go");
      const second = await direct.prompt("go");
      if (first.deltas !== second.deltas) throw new Error(`lost deltas: ${first.deltas} of ${second.deltas}`);
      if (i < 0) continue;
      a.push(pick(first));
      b.push(pick(second));
    }
    return [summarize(a), summarize(b)] satisfies [Sample, Sample];
  } finally {
    await through.end();
    await direct.end();
  }
}

async function streamRows(place: Place): Promise<Row[]> {
  const [first, direct] = await turnTimes(place, "scripted/echo", LATENCY_RUNS, (times) => times.firstEvent);
  const added = first.median - direct.median;
  const flood = await turnTimes(place, `scripted/${FLOOD}`, FLOOD_RUNS, (times) => times.settled);
  return [
    {
      what: "added to a prompt by the daemon, socket in to first event out",
      measured: first,
      reference: direct,
      referenceName: "pi's own pipe",
      budget: "p50 ≤ 1 ms",
      met: added <= 1,
      result: `${added.toFixed(2)} ms`,
    },
    ratioRow("streaming 100,000 deltas through the daemon", flood, "reading pi's pipe", 1.25),
  ];
}

/** In a place of its own, as its sessions are parked at once. */
async function resumeRow(): Promise<Row> {
  const place = new Place();
  try {
    const session = await parkedSession(place);
    const samples = await sideBySide(RESUME_RUNS, session.resume, session.startPi, session.prepare);
    await session.end();
    return ratioRow("resume of a parked session on a spare agent", samples, "starting pi", 0.25);
  } finally {
    await place.dispose();
  }
}

/** Nothing where there is no bubblewrap. */
async function sandboxRows(): Promise<Row[]> {
  const place = new Place();
  try {
    await place.run("bwrap", ["--version"]);
  } catch {
    process.stderr.write("no bubblewrap here: starts of sandboxed agents are not measured\n");
    await place.dispose();
    return [];
  }
  try {
    const starts = await sandboxedStarts(place);
    const samples = await sideBySide(SANDBOX_RUNS, starts.sandboxed, starts.bare, starts.prepare);
    await starts.prepare();
    starts.end();
    return [ratioRow("starting an agent under `strict`", samples, "starting a bare one", 1.15)];
  } finally {
    await place.dispose();
  }
}

const ms = ({ median, noise }: Sample) =>
  `${median.toFixed(median < 10 ? 2 : 0)} ms ± ${noise.toFixed(median < 10 ? 2 : 0)}`;

function table(rows: Row[]): string {
  const lines = rows.map(
    (row) =>
      `| ${row.what} | ${ms(row.measured)} | ${row.referenceName}: ${ms(row.reference)} | ${row.result} | ${row.budget} | ${row.met ? "yes" : "**no**"} |`,
  );
  return [
    "| what | pictl | compared with | result | budget | met |",
    "|---|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}

/** Each command beside a bare Node, the slowest first. */
async function startUpTable(place: Place): Promise<string> {
  const node = () => place.run(process.execPath, ["-e", "0"]);
  const rows: { line: string; samples: [Sample, Sample]; ratio: number }[] = [];
  for (const words of startUpLines(fileURLToPath(new URL("../oclif.manifest.json", import.meta.url)))) {
    const samples = await sideBySide(START_UP_RUNS, () => place.pictl(...words), node);
    rows.push({ line: words.join(" "), samples, ratio: samples[0].median / samples[1].median });
  }
  rows.sort((a, b) => b.ratio - a.ratio);
  return [
    "| command | pictl | `node -e 0` | ratio | within 2.8 × |",
    "|---|---|---|---|---|",
    ...rows.map(
      ({ line, samples: [own, bare], ratio }) =>
        `| \`${line}\` | ${ms(own)} | ${ms(bare)} | ${ratio.toFixed(2)} × | ${ratio <= 2.8 ? "yes" : "**no**"} |`,
    ),
  ].join("\n");
}

const place = new Place();
try {
  const rows = [
    ...(await commandRows(place)),
    ...(await streamRows(place)),
    await resumeRow(),
    ...(await sandboxRows()),
  ];
  const startUp = await startUpTable(place);
  process.stdout.write(`${table(rows)}\n\n${startUp}\n`);
  if (!QUICK) {
    const bench = `${measuredWith("npm run bench")}\n\n${table(rows)}`;
    writePerformance({ bench, "bench-start-up": startUp });
  }
} finally {
  await place.dispose();
}
