import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A path without links. Of one that is gone, so much as is left of it. */
export function realPlace(path: string): string {
  if (path === "") return "";
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPlace(parent), basename(path));
  }
}
