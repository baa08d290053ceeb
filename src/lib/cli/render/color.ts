type ColorLevel = 0 | 1 | 2 | 3;

/** As much of an output stream as decides how to write to it. */
export interface Screen {
  isTTY?: boolean;
  columns?: number;
  getColorDepth?: (env?: object) => number;
}

/**
 * How much colour a stream gets: 0 none, 1 sixteen colours, 2 two hundred and fifty-six, 3 all. NO_COLOR
 * (https://no-color.org: any value but the empty one) goes before FORCE_COLOR, and that before what the stream is.
 */
export function colorLevel(screen: Screen, env: NodeJS.ProcessEnv = process.env): ColorLevel {
  if (env.NO_COLOR) return 0;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) {
    if (forced === "0" || forced === "false") return 0;
    return forced === "2" ? 2 : forced === "3" ? 3 : 1;
  }
  if (screen.isTTY !== true || env.TERM === "dumb") return 0;
  const bits = screen.getColorDepth?.(env) ?? 4;
  return bits >= 24 ? 3 : bits >= 8 ? 2 : bits >= 4 ? 1 : 0;
}

const STYLES = ["bold", "dim", "italic", "red", "green", "yellow", "cyan"] as const;

/** The styles that our renderers use, each a function of text. */
export type Colors = Record<(typeof STYLES)[number], (text: string) => string>;

/**
 * Styles for one stream; chalk's own detection knows neither NO_COLOR nor which of two streams is written to.
 * Where there is no colour, chalk isn't loaded either: most output goes to a pipe.
 */
export async function colorsFor(screen: Screen, env: NodeJS.ProcessEnv = process.env): Promise<Colors> {
  const level = colorLevel(screen, env);
  if (level === 0) return plainColors();
  const { Chalk } = await import("chalk");
  return new Chalk({ level });
}

export function plainColors(): Colors {
  return Object.fromEntries(STYLES.map((style) => [style, (text: string) => text])) as Colors;
}

/** Columns of a terminal; undefined for a pipe or a file, where nothing is cut to fit. */
export function widthOf(screen: Screen): number | undefined {
  return screen.isTTY === true ? (screen.columns ?? 80) : undefined;
}
