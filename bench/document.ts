import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { buildInfo } from "../src/lib/core/build-info.ts";
import { PI } from "./place.ts";

/** What stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->` is replaced. */
export function replaceBlock(text: string, name: string, content: string): string {
  const [before = "", rest = ""] = text.split(`<!-- ${name}:begin -->`);
  const after = rest.split(`<!-- ${name}:end -->`)[1] ?? "\n";
  return `${before}<!-- ${name}:begin -->\n${content}\n<!-- ${name}:end -->${after}`;
}

/** Replaces blocks of docs/performance.md. */
export function writePerformance(blocks: Readonly<Record<string, string>>): void {
  const path = fileURLToPath(new URL("../docs/performance.md", import.meta.url));
  const text = Object.entries(blocks).reduce(
    (page, [name, content]) => replaceBlock(page, name, content),
    readFileSync(path, "utf8"),
  );
  writeFileSync(path, text);
}

/** One sentence: when, with which command, and on what. */
export function measuredWith(command: string): string {
  const { version } = JSON.parse(readFileSync(PI.replace(/dist\/.*$/, "package.json"), "utf8")) as {
    version: string;
  };
  const cores = cpus();
  return `Measured on ${new Date().toISOString().slice(0, 10)} with \`${command}\`: pictl ${buildInfo().version}, pi ${version}, Node ${process.version}, ${process.platform} ${process.arch}, ${cores.length} × ${cores[0]?.model.trim() ?? "unknown"}.`;
}
