import { dirname } from "node:path";
import { parse, TomlError } from "smol-toml";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { agentFileProblem, readAgentFile } from "./agent-file.ts";
import { lineOfKey } from "./config-line.ts";
import { cutText } from "./cut-text.ts";
import { PictlError, systemErrorCode } from "./errors.ts";
import { didYouMean } from "./nearest.ts";
import { MAX_CONFIG_BYTES } from "./paths.ts";

/** The values of a file as they are written there, tables in tables. */
export type TomlDocument = Record<string, unknown>;

export interface TomlSource {
  text: string;
  /** For messages. */
  path: string;
  /** Keys that a mistyped one may have meant. */
  suggest: (key: string) => string[];
  /** A sentence that says where the keys are explained. */
  help: string;
}

/**
 * Parses a text and checks it.
 *
 * @returns what the schema makes of it, and the document as it is written
 * @throws PictlError INVALID_CONFIG naming the file, the line and the key
 */
export function checkToml<Schema extends z.ZodMiniType>(
  schema: Schema,
  source: TomlSource,
): { value: z.infer<Schema>; document: TomlDocument } {
  const document = parseToml(source);
  const result = z.safeParse(schema, document, { error: en().localeError });
  if (result.success) return { value: result.data, document };
  const [issue] = result.error.issues;
  const unknown = issue?.code === "unrecognized_keys";
  const keys = [...(issue?.path ?? []), ...(unknown ? issue.keys.slice(0, 1) : [])].map(String);
  const key = keys.join(".");
  const suggestions = unknown ? source.suggest(key) : [];
  const problem = unknown ? "unknown key" : (issue?.message ?? "invalid");
  throw invalid(source, lineOfKey(source.text, keys), `${printable(key)}: ${problem}.`, {
    key,
    reason: problem,
    ...(suggestions.length > 0 ? { suggestions } : {}),
  });
}

function parseToml(source: TomlSource): TomlDocument {
  try {
    return parse(source.text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Only the first line: the rest quotes the file, and there may be something private next to the mistake.
    const [reason = ""] = error.message.split("\n", 1);
    throw invalid(source, error.line, `${reason}.`, { column: error.column });
  }
}

/**
 * The text of a TOML file: `config.toml` or `sandbox.toml` of the user, or of a workspace, below `.pictl` there.
 *
 * @throws PictlError INVALID_CONFIG for what is no file of a sensible size in UTF-8, and for a link in a workspace, where
 *   an agent may have made it
 */
export function readTomlText(path: string, kind: "user" | "workspace"): string {
  const refuse = (message: string, cause?: unknown) =>
    new PictlError("INVALID_CONFIG", message, {
      hint: "Check its permissions and its contents, or move it away: every key has a default.",
      details: { path },
      cause,
    });
  try {
    const links = kind === "user" ? "follow" : { below: dirname(dirname(path)) };
    const bytes = readAgentFile(path, { maxBytes: MAX_CONFIG_BYTES, links });
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const isEncoding = systemErrorCode(error) === "ERR_ENCODING_INVALID_ENCODED_DATA";
    throw refuse(`${path} ${isEncoding ? "is not UTF-8" : agentFileProblem(error)}.`, error);
  }
}

function invalid(
  { path, help }: TomlSource,
  line: number | undefined,
  problem: string,
  details: Record<string, unknown> = {},
): PictlError {
  const place = line === undefined ? path : `${path}:${line}`;
  return new PictlError("INVALID_CONFIG", `${place}: ${problem}`, {
    hint: [didYouMean((details.suggestions ?? []) as string[]), help].filter(Boolean).join(" "),
    details: { path, ...(line === undefined ? {} : { line }), ...details },
  });
}

/** A key of somebody else's file may hold what moves a terminal's cursor. */
function printable(key: string): string {
  return cutText(key.replaceAll(/\p{Cc}/gu, "?"), 200);
}
