import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "./errors.ts";

/** Files of pi's directory that it does without when they are broken, and what it then does without. */
const FILES = { "settings.json": "settings", "models.json": "models", "mcp.json": "MCP servers" } as const;
export type PiFile = keyof typeof FILES;

/** Why pi can't use these files of its directory, one sentence each; none where they are absent or in order. */
export function brokenPiFiles(agentDir: string, names = Object.keys(FILES) as PiFile[]): string[] {
  return names.flatMap((name) => {
    const path = join(agentDir, name);
    const problem = problemOf(path, name === "models.json");
    return problem === undefined ? [] : [`${path} ${problem}, so pi goes without its ${FILES[name]}.`];
  });
}

function problemOf(path: string, mayHaveComments: boolean): string | undefined {
  try {
    const text = readFileSync(path, "utf8").replace(/^\ufeff/, "");
    JSON.parse(mayHaveComments ? withoutComments(text) : text);
    return undefined;
  } catch (error) {
    // Without the text that JSON.parse quotes: it may be a key.
    if (error instanceof SyntaxError) return "isn't valid JSON";
    const code = systemErrorCode(error);
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : `can't be read (${code})`;
  }
}

/** As pi reads it (its utils/json.js): line comments and trailing commas are allowed. */
function withoutComments(text: string): string {
  return text
    .replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*/g, (match) => (match.startsWith('"') ? match : ""))
    .replace(
      /"(?:\\.|[^"\\])*"|,(\s*[}\]])/g,
      (match, tail?: string) => tail ?? (match.startsWith('"') ? match : ""),
    );
}
