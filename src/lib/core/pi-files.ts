import { join } from "node:path";
import { agentFileProblem, readAgentFile } from "./agent-file.ts";
import { systemErrorCode } from "./errors.ts";
import { isObject } from "./session-files/json.ts";

/** Files of pi's directory that it does without when they are broken, and what it then does without. */
const FILES = { "settings.json": "settings", "models.json": "models", "mcp.json": "MCP servers" } as const;
/** A catalogue of models in models.json has some hundred KB. */
const MAX_BYTES = 16 * 1024 * 1024;
export type PiFile = keyof typeof FILES;

/** Why pi can't use these files of its directory, one sentence each; none where they are absent or in order. */
export function brokenPiFiles(agentDir: string, names = Object.keys(FILES) as PiFile[]): string[] {
  return names.flatMap((name) => {
    const path = join(agentDir, name);
    const problem = name === "models.json" ? modelsProblem(path) : problemOf(path);
    return problem === undefined ? [] : [`${path} ${problem}, so pi goes without its ${FILES[name]}.`];
  });
}

/** pi takes nothing of a file that doesn't fit its schema, without a word (its model-config.js). */
function modelsProblem(path: string): string | undefined {
  return problemOf(path, withoutComments, (value) => {
    if (!isObject(value) || !isObject(value.providers)) return "has no object `providers`";
    const broken = Object.entries(value.providers).find(
      ([, provider]) =>
        !isObject(provider) || !(provider.models === undefined || Array.isArray(provider.models)),
    );
    return (
      broken &&
      `has a provider ${JSON.stringify(broken[0])} that is no object, or whose \`models\` is no list`
    );
  });
}

function problemOf(
  path: string,
  clean = (text: string) => text,
  shapeProblem: (value: unknown) => string | undefined = () => undefined,
): string | undefined {
  try {
    return shapeProblem(JSON.parse(clean(readPiFile(path))));
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
