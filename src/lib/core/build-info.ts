import { readdirSync, readFileSync, statSync } from "node:fs";
import { sha256 } from "./sha256.ts";

/** Which pictl this is: the package's version, and an id that differs whenever the code does. */
export interface BuildInfo {
  version: string;
  build: string;
}

// Put in by scripts/build.ts; a source tree run by type stripping has no such constant.
declare const __PICTL_BUILD__: BuildInfo | undefined;

/**
 * The version and build id of the running code. A daemon compares ids to know that a newer build asks it to make
 * way. A release carries a hash of its sources; from a source tree the id starts with `source-` and follows the
 * sizes and times of the files, because hashing their contents would cost every command more than it is worth.
 */
export function buildInfo(): BuildInfo {
  if (typeof __PICTL_BUILD__ !== "undefined") return __PICTL_BUILD__;
  const root = new URL("../../../", import.meta.url);
  const manifest: { version: string } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  return { version: manifest.version, build: `source-${treeStamp(new URL("src/", root))}` };
}

function treeStamp(directory: URL): string {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const stamps = files.sort().map((name) => {
    const { size, mtimeMs } = statSync(new URL(name, directory));
    return `${name}\0${size}\0${mtimeMs}\n`;
  });
  return sha256(stamps.join("")).slice(0, 16);
}
