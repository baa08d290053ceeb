/** Lines around a change. */
const CONTEXT = 3;
/** With more differences between two texts all of the one is shown as removed, and all of the other as added. */
const MAX_DIFFERENCES = 1_000;

export interface TextDiff {
  /** Hunks in the unified format, without the names of files. */
  text: string;
  added: number;
  removed: number;
}

type Line = { mark: " " | "-" | "+"; text: string };

/** The difference of two texts by lines. An end of the text without a newline is said as git says it. */
export function textDiff(before: string, after: string): TextDiff {
  const lines = diffLines(linesOf(before), linesOf(after));
  return {
    text: hunks(lines),
    added: lines.filter(({ mark }) => mark === "+").length,
    removed: lines.filter(({ mark }) => mark === "-").length,
  };
}

function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  else lines.push(`${lines.pop()}\n\\ No newline at end of file`);
  return lines;
}

function diffLines(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before.at(-1 - end) === after.at(-1 - end)
  )
    end++;
  return [
    ...marked(" ", before.slice(0, start)),
    ...shortestEdit(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...marked(" ", before.slice(before.length - end)),
  ];
}

function marked(mark: Line["mark"], lines: readonly string[]): Line[] {
  return lines.map((text) => ({ mark, text }));
}

/** Myers, "An O(ND) difference algorithm and its variations" (1986). */
function shortestEdit(before: readonly string[], after: readonly string[]): Line[] {
  const whole = [...marked("-", before), ...marked("+", after)];
  if (before.length === 0 || after.length === 0) return whole;
  /** The furthest place in `before` on each diagonal, after each number of differences. */
  const traces: Map<number, number>[] = [];
  let furthest = new Map<number, number>([[1, 0]]);
  for (let differences = 0; differences <= MAX_DIFFERENCES; differences++) {
    const next = new Map(furthest);
    for (let diagonal = -differences; diagonal <= differences; diagonal += 2) {
      let x = takesAfter(furthest, diagonal, differences)
        ? (furthest.get(diagonal + 1) ?? 0)
        : (furthest.get(diagonal - 1) ?? 0) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) {
        traces.push(furthest);
        return walkBack(traces, before, after);
      }
    }
    traces.push(furthest);
    furthest = next;
  }
  return whole;
}

/** Whether the way to a diagonal comes from the one above it: by a line of `after`. */
function takesAfter(furthest: ReadonlyMap<number, number>, diagonal: number, differences: number): boolean {
  return (
    diagonal === -differences ||
    (diagonal !== differences && (furthest.get(diagonal - 1) ?? 0) < (furthest.get(diagonal + 1) ?? 0))
  );
}

function walkBack(
  traces: readonly ReadonlyMap<number, number>[],
  before: readonly string[],
  after: readonly string[],
): Line[] {
  const lines: Line[] = [];
  let [x, y] = [before.length, after.length];
  for (let differences = traces.length - 1; differences >= 0; differences--) {
    const furthest = traces[differences] ?? new Map<number, number>();
    const diagonal = x - y;
    const from = takesAfter(furthest, diagonal, differences) ? diagonal + 1 : diagonal - 1;
    const fromX = furthest.get(from) ?? 0;
    const fromY = fromX - from;
    while (x > Math.max(fromX, 0) && y > Math.max(fromY, 0)) {
      lines.push({ mark: " ", text: before[--x] ?? "" });
      y--;
    }
    if (differences === 0) break;
    if (x === fromX) lines.push({ mark: "+", text: after[--y] ?? "" });
    else lines.push({ mark: "-", text: before[--x] ?? "" });
  }
  return lines.reverse();
}

function hunks(lines: readonly Line[]): string {
  const shown = new Set<number>();
  for (const [index, { mark }] of lines.entries())
    if (mark !== " ") for (let at = index - CONTEXT; at <= index + CONTEXT; at++) shown.add(at);
  let text = "";
  let [old, now] = [1, 1];
  for (let at = 0; at < lines.length; ) {
    if (!shown.has(at)) {
      at++;
      old++;
      now++;
      continue;
    }
    let end = at;
    while (end < lines.length && shown.has(end)) end++;
    const hunk = lines.slice(at, end);
    const inOld = hunk.filter(({ mark }) => mark !== "+").length;
    const inNew = hunk.filter(({ mark }) => mark !== "-").length;
    text += `@@ -${range(old, inOld)} +${range(now, inNew)} @@\n`;
    text += hunk.map((line) => `${line.mark}${line.text}\n`).join("");
    [old, now, at] = [old + inOld, now + inNew, end];
  }
  return text;
}

/** As `diff -u` counts: a range of no lines is named by the line before it. */
function range(first: number, count: number): string {
  return count === 1 ? `${first}` : `${count === 0 ? first - 1 : first},${count}`;
}
