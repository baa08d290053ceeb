import type { EditorTheme, MarkdownTheme, SelectListTheme } from "@earendil-works/pi-tui";
import { Chalk } from "chalk";

type Style = (text: string) => string;

/** How everything looks. */
export interface Theme {
  accent: Style;
  bold: Style;
  dim: Style;
  error: Style;
  warning: Style;
  success: Style;
  markdown: MarkdownTheme;
  select: SelectListTheme;
  editor: EditorTheme;
}

/**
 * The terminal's own foreground and those of its sixteen colours that can be read on a dark and on a light
 * background: no yellow, no white, no background of ours.
 *
 * @param level of colour, as chalk counts; 0 leaves every text as it is
 */
export function createTheme(level: 0 | 1 | 2 | 3): Theme {
  const chalk = new Chalk({ level });
  const select: SelectListTheme = {
    selectedPrefix: chalk.cyan,
    selectedText: chalk.cyan.bold,
    description: chalk.dim,
    scrollInfo: chalk.dim,
    noMatch: chalk.dim,
  };
  return {
    accent: chalk.cyan,
    bold: chalk.bold,
    dim: chalk.dim,
    error: chalk.red,
    warning: chalk.magenta,
    success: chalk.green,
    select,
    editor: { borderColor: chalk.dim, selectList: select },
    markdown: {
      heading: chalk.cyan,
      link: chalk.underline,
      linkUrl: chalk.dim,
      code: chalk.cyan,
      codeBlock: (text) => text,
      codeBlockBorder: chalk.dim,
      quote: chalk.dim,
      quoteBorder: chalk.dim,
      hr: chalk.dim,
      listBullet: chalk.cyan,
      bold: chalk.bold,
      italic: chalk.italic,
      strikethrough: chalk.strikethrough,
      underline: chalk.underline,
    },
  };
}
