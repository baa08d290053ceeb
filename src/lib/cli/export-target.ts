import { type Stats, statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { PictlError } from "../core/errors.ts";
import { agentPlaceAround, agentPlaces } from "../core/outside/agent-places.ts";
import { resolvePaths } from "../core/paths.ts";

export const exportFormats = ["html", "md", "json", "jsonl"] as const;
export type ExportFormat = (typeof exportFormats)[number];

const EXTENSIONS: Record<string, ExportFormat> = {
  ".html": "html",
  ".htm": "html",
  ".md": "md",
  ".markdown": "md",
  ".json": "json",
  ".jsonl": "jsonl",
};

/** The format that a file's name asks for; Markdown when it asks for none. */
export function formatOf(path: string | undefined): ExportFormat {
  return EXTENSIONS[extname(path ?? "").toLowerCase()] ?? "md";
}

/**
 * Where an export goes: a file, stdout (no file, or `-`), or what else can be written to, such as a pipe of the shell's.
 *
 * @throws PictlError INVALID_INPUT for a directory, for what is no file where an agent may have made it, and for a file that is there already unless `force`
 */
export function exportTarget(
  output: string | undefined,
  force: boolean,
): { kind: "file" | "device"; path: string } | { kind: "stdout" } {
  if (output === undefined || output === "-") return { kind: "stdout" };
  const path = resolve(output);
  const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false });
  const refuse = (reason: string, hint: string) =>
    new PictlError("INVALID_INPUT", `${path} ${reason}.`, { hint, details: { path } });
  if (stats?.isDirectory()) throw refuse("is a directory", "Name a file in it.");
  if (stats !== undefined && !stats.isFile() && isAgents(path))
    throw refuse(
      "is no ordinary file, and lies where sandboxed agents write",
      "Take it away, or choose another file.",
    );
  if (stats !== undefined && !stats.isFile()) return { kind: "device", path };
  if (stats !== undefined && !force)
    throw refuse("exists already", "Choose another file, or overwrite it with --force.");
  return { kind: "file", path };
}

/** An agent's pipe has no reader. What the user's shell has opened may lie anywhere. */
function isAgents(path: string): boolean {
  if (/^\/(dev|proc)\//.test(path)) return false;
  return agentPlaceAround(path, agentPlaces(resolvePaths(process.env).agentPlaces)) !== undefined;
}

/** An agent goes on in the session's file, so that an export never replaces it. Throws INVALID_INPUT. */
export function refuseOwnFile(path: string, sessionFile: string | undefined): void {
  const [target, own] = [path, sessionFile ?? ""].map((each) => statSync(each, { throwIfNoEntry: false }));
  if (target === undefined || own === undefined || target.dev !== own.dev || target.ino !== own.ino) return;
  throw new PictlError("INVALID_INPUT", `${path} is the session's own file.`, {
    hint: "Export to another file.",
    details: { path },
  });
}
