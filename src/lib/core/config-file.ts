import { parse, TomlError } from "smol-toml";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { PictlError } from "./errors.ts";

const positive = z.int().check(z.gte(1));

/** What `config.toml` may say (docs/configuration.md). An unknown key is refused: it is a typo that would do nothing. */
const configFile = z.strictObject({
  agent: z.optional(z.strictObject({ command: z.optional(z.union([z.string(), z.array(z.string())])) })),
  daemon: z.optional(z.strictObject({ idle_timeout: z.optional(z.string()) })),
  limits: z.optional(
    z.strictObject({
      max_live_agents: z.optional(positive),
      park_after: z.optional(z.string()),
      max_message_bytes: z.optional(positive),
    }),
  ),
});
export type ConfigFile = z.infer<typeof configFile>;

/** @throws PictlError INVALID_CONFIG naming the file, and the line (syntax) or the key (meaning) */
export function parseConfigFile(text: string, path: string): ConfigFile {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    const where = error instanceof TomlError ? `line ${error.line}, column ${error.column}` : "unknown place";
    throw new PictlError("INVALID_CONFIG", `${path}: ${where}: not valid TOML.`, {
      hint: error instanceof Error ? error.message : String(error),
      details: { path },
      cause: error,
    });
  }
  const result = z.safeParse(configFile, document, { error: en().localeError });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue?.code === "unrecognized_keys" ? [...issue.path, ...issue.keys].join(".") : issue?.path.join(".");
  throw new PictlError("INVALID_CONFIG", `${path}: ${key ?? "?"}: ${issue?.code === "unrecognized_keys" ? "unknown key" : (issue?.message ?? "invalid")}.`, {
    hint: "See docs/configuration.md for the keys and their values.",
    details: { path, key },
  });
}
