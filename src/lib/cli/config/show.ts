import { CONFIG_KEYS } from "../../core/config-keys.ts";
import type { ConfigValue } from "../../core/config-values.ts";
import type { Colors } from "../render/color.ts";
import { alignColumns } from "../render/columns.ts";
import { shortPath } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";

/** A value as it is typed behind `config set KEY`: the words of a command quoted where a shell needs it. */
export function valueText({ value }: ConfigValue): string {
  const words = [value ?? ""].flat().map((word) => sanitize(String(word)).replaceAll("\n", " "));
  return words.length === 1
    ? (words[0] ?? "")
    : words
        .map((word) => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
        .join(" ");
}

/** Where a value comes from, in words. */
export function originText({ key, value, origin, path, line, variable }: ConfigValue): string {
  if (variable !== undefined) return `environment (${variable})`;
  if (path !== undefined)
    return `${origin} (${shortPath(sanitize(path))}${line === undefined ? "" : `:${line}`})`;
  const otherwise = CONFIG_KEYS.find((known) => known.key === key)?.otherwise;
  return value === null ? `default (${otherwise ?? "none"})` : "default";
}

/** Every setting in a line: key, value, origin. What was set stands out from what was not. */
export function renderConfig(values: readonly ConfigValue[], colors: Colors): string {
  const rows = values.map((value) => {
    const paint = value.origin === "default" ? colors.dim : colors.green;
    return [value.key, paint(value.value === null ? "-" : valueText(value)), colors.dim(originText(value))];
  });
  return alignColumns([["KEY", "VALUE", "ORIGIN"].map((title) => colors.bold(title)), ...rows])
    .map((line) => `${line}\n`)
    .join("");
}
