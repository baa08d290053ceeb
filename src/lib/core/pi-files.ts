import { join } from "node:path";
import { agentFileProblem, readAgentFile } from "./agent-file.ts";
import { systemErrorCode } from "./errors.ts";

/** Files of pi's directory that it does without when they are broken, and what it then does without. */
const FILES = { "settings.json": "settings", "models.json": "models", "mcp.json": "MCP servers" } as const;
/** A catalogue of models in models.json has some hundred KB. */
const MAX_BYTES = 16 * 1024 * 1024;
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
    const text = readPiFile(path);
    JSON.parse(mayHaveComments ? withoutComments(text) : text);
    return undefined;
  } catch (error) {
    // Without the text that JSON.parse quotes: it may be a key.
    if (error instanceof SyntaxError) return "isn't valid JSON";
    const code = systemErrorCode(error);
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : agentFileProblem(error);
  }
}

/**
 * The text of a file of pi's own directory or of a project's `.pi`, without a byte order mark. pi follows links to it, so
 * that this does too; it doesn't wait for a pipe that an agent has put there, nor read what is endless.
 *
 * @throws what {@link readAgentFile} throws
 */
export function readPiFile(path: string): string {
  const bytes = readAgentFile(path, { maxBytes: MAX_BYTES, links: "follow" });
  return bytes.toString("utf8").replace(/^\ufeff/, "");
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
