import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packagePlace } from "./package-place.ts";

/** Replaced by the build with a digest of the sources. */
declare const __PICTL_BUILD__: string | undefined;
/** Replaced by the build with the version of package.json. */
declare const __PICTL_VERSION__: string | undefined;

/** Version of the package and digest of what it was built from; `source` when it runs from its sources. */
export function buildInfo(): { version: string; build: string } {
  if (typeof __PICTL_BUILD__ === "string" && typeof __PICTL_VERSION__ === "string") {
    return { version: __PICTL_VERSION__, build: __PICTL_BUILD__ };
  }
  const { version } = JSON.parse(readFileSync(join(packagePlace().root, "package.json"), "utf8")) as { version: string };
  return { version, build: "source" };
}
