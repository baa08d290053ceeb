import { columnsOf } from "../src/lib/cli/render/text-width.ts";

/** The colours of a terminal: its own two, and the sixteen that a program names by number. */
export interface Palette {
  foreground: string;
  background: string;
  colours: readonly string[];
}

export const dark: Palette = {
  foreground: "#d8dee9",
  background: "#1d2129",
  colours: [
    ...["#2e3440", "#e06c75", "#8fbc6f", "#d8b365", "#6f9fd8", "#c586c0", "#56b6c2", "#d8dee9"],
    ...["#5c6370", "#f28b92", "#a8d08d", "#e8cb8c", "#8fb8e8", "#d7a3d3", "#7fcfd8", "#ffffff"],
  ],
};

export const light: Palette = {
  foreground: "#24292f",
  background: "#ffffff",
  colours: [
    ...["#24292f", "#b3261e", "#1a7f37", "#8a6100", "#0550ae", "#8250df", "#0e7490", "#6e7781"],
    ...["#57606a", "#cf222e", "#2da44e", "#9a6700", "#218bff", "#a475f9", "#3192aa", "#8c959f"],
  ],
};

interface Style {
  foreground: number | undefined;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  inverse: boolean;
}

interface Run {
  text: string;
  column: number;
  columns: number;
  style: Style;
}

const CELL = { width: 8.4, height: 18, fontSize: 14, padding: 12 };
const FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const PLAIN: Style = {
  foreground: undefined,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
};

/**
 * A picture of a terminal's screen as `tmux capture-pane -e` gives it. Each run of characters is stretched over
 * the columns that it has, so that lines and tables fit together in whatever font there is.
 */
export function terminalSvg(screen: string, columns: number, palette: Palette): string {
  const lines = screen.replace(/\n+$/, "").split("\n");
  const width = columns * CELL.width + 2 * CELL.padding;
  const height = lines.length * CELL.height + 2 * CELL.padding;
  const rows = runsOfLines(lines).flatMap((runs, row) => runs.flatMap((run) => drawRun(run, row, palette)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${height}" width="${round(width)}" height="${height}" role="img">`,
    `<rect width="100%" height="100%" rx="8" fill="${palette.background}"/>`,
    `<g font-family="${FONTS}" font-size="${CELL.fontSize}" fill="${palette.foreground}">`,
    ...rows,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function drawRun({ text, column, columns, style }: Run, row: number, palette: Palette): string[] {
  const x = round(CELL.padding + column * CELL.width);
  const top = CELL.padding + row * CELL.height;
  const length = round(columns * CELL.width);
  const colour = style.foreground === undefined ? palette.foreground : palette.colours[style.foreground];
  const block = style.inverse
    ? [`<rect x="${x}" y="${top}" width="${length}" height="${CELL.height}" fill="${palette.foreground}"/>`]
    : [];
  if (text.trim() === "") return block;
  const attributes = [
    `x="${x}" y="${round(top + CELL.height * 0.75)}" textLength="${length}" lengthAdjust="spacingAndGlyphs" xml:space="preserve"`,
    ...(style.inverse
      ? [`fill="${palette.background}"`]
      : colour === palette.foreground
        ? []
        : [`fill="${colour}"`]),
    ...(style.bold ? ['font-weight="bold"'] : []),
    ...(style.italic ? ['font-style="italic"'] : []),
    ...(style.dim ? ['opacity="0.6"'] : []),
    ...(style.underline
      ? ['text-decoration="underline"']
      : style.strike
        ? ['text-decoration="line-through"']
        : []),
  ];
  return [...block, `<text ${attributes.join(" ")}>${escapeXml(text)}</text>`];
}

/** The runs of each line. A style goes on over the end of a line: tmux tells only what changes. */
function runsOfLines(lines: readonly string[]): Run[][] {
  let style = PLAIN;
  return lines.map((line) => {
    const runs: Run[] = [];
    let column = 0;
    for (const part of partsOf(line)) {
      if (typeof part !== "string") {
        style = part.codes.reduce(withCode, style);
        continue;
      }
      for (const character of part) {
        const columns = columnsOf(character);
        addCharacter(runs, { text: character, column, columns, style });
        column += columns;
      }
    }
    return runs;
  });
}

/** A wide character is a run by itself, as fonts disagree most about those. */
function addCharacter(runs: Run[], next: Run): void {
  const last = runs.at(-1);
  if (last !== undefined && next.columns === 0) {
    last.text += next.text;
  } else if (last?.style === next.style && next.columns === 1 && last.columns === last.text.length) {
    last.text += next.text;
    last.columns++;
  } else {
    runs.push(next);
  }
}

function partsOf(line: string): (string | { codes: number[] })[] {
  const [first = "", ...rest] = line.split("\u001b[");
  return [first, ...rest.flatMap(splitSequence)];
}

function splitSequence(piece: string): (string | { codes: number[] })[] {
  const match = /^([0-9;]*)m([\s\S]*)$/.exec(piece);
  if (match === null) throw new Error(`not a style: ESC [${piece.slice(0, 20)}`);
  return [{ codes: (match[1] || "0").split(";").map(Number) }, match[2] ?? ""];
}

function withCode(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code >= 30 && code <= 37) return { ...style, foreground: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, foreground: code - 90 + 8 };
  const changes: Record<number, Partial<Style>> = {
    1: { bold: true },
    2: { dim: true },
    3: { italic: true },
    4: { underline: true },
    7: { inverse: true },
    9: { strike: true },
    22: { bold: false, dim: false },
    23: { italic: false },
    24: { underline: false },
    27: { inverse: false },
    29: { strike: false },
    39: { foreground: undefined },
    49: {},
  };
  const change = changes[code];
  if (change === undefined) throw new Error(`a style that isn't drawn: ${code}`);
  return { ...style, ...change };
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
