import { fileURLToPath } from "node:url";

/** The program of the pi that pictl depends on; pi's package exports `dist/index.js` beside it. */
export function bundledPiCli(): string {
  const index = fileURLToPath(import.meta.resolve("@earendil-works/pi-coding-agent"));
  return index.replace(/dist[/\\](bundle[/\\])?index\.js$/, "dist/bundle/cli.js");
}
