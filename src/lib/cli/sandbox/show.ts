import type { ShownLine } from "../../client/sandbox/current-policy.ts";
import type { Colors } from "../render/color.ts";
import { alignColumns } from "../render/columns.ts";
import { shortPath } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";

/** Where a line comes from, in words. */
export function originText({
  origin,
  profile,
  path,
  line,
}: Pick<ShownLine, "profile" | "path" | "line"> & { origin: ShownLine["origin"] }): string {
  if (path === undefined) return origin === "flag" ? "--sandbox" : `profile ${profile}`;
  const place = `${shortPath(sanitize(path))}${line === undefined ? "" : `:${line}`}`;
  return `${origin} (${place}${profile === undefined ? "" : `, profile ${profile}`})`;
}

/** A policy with a line for each value and entry: key, value, origin. What was said stands out from the profile's. */
export function renderPolicy(lines: readonly ShownLine[], colors: Colors): string {
  const rows = lines.map((line) => {
    const paint = line.origin === "profile" ? colors.dim : colors.green;
    const value = line.value === null ? "-" : shortPath(sanitize(line.value).replaceAll("\n", " "));
    return [line.key, paint(value), colors.dim(originText(line))];
  });
  return alignColumns([["KEY", "VALUE", "ORIGIN"].map((title) => colors.bold(title)), ...rows])
    .map((line) => `${line}\n`)
    .join("");
}
