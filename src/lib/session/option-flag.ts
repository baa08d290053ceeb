import type { SessionOptions } from "../protocol/session.ts";

/** What gives a session this option on the command line, as an error names it. */
export function optionFlag(option: keyof SessionOptions | "name"): string {
  if (option === "piArgs") return "what follows --";
  return `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
