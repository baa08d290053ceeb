import { join } from "node:path";
import { z } from "zod";
import { agentFileProblem } from "../../../core/agent-file.ts";
import { PictlError, systemErrorCode } from "../../../core/errors.ts";
import { readPiFile } from "../../../core/pi-files.ts";

/** What of an entry matters here; the rest passes unread. */
const MODEL = z.looseObject({
  id: z.string().optional(),
  api: z.string().optional(),
  baseUrl: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});
const PROVIDER = z.looseObject({
  baseUrl: z.string().optional(),
  apiKey: z.string().optional(),
  oauth: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  models: z.array(MODEL).optional(),
  modelOverrides: z.record(z.string(), MODEL).optional(),
});
const MODELS_FILE = z.looseObject({ providers: z.record(z.string(), PROVIDER) });

const CREDENTIAL = z.union([
  z.looseObject({
    type: z.literal("api_key"),
    key: z.string().optional(),
    env: z.record(z.string(), z.string()).optional(),
  }),
  z.looseObject({ type: z.literal("oauth"), access: z.string(), expires: z.number() }),
  z.looseObject({ type: z.string() }).transform(({ type }) => ({ type: "unknown" as const, name: type })),
]);
const AUTH_FILE = z.record(z.string(), CREDENTIAL);
const SETTINGS_FILE = z.looseObject({ defaultProvider: z.string().optional() });

export type ModelEntry = z.infer<typeof MODEL>;
export type ProviderEntry = z.infer<typeof PROVIDER>;
export type ModelsFile = z.infer<typeof MODELS_FILE>;
export type StoredCredential = z.infer<typeof CREDENTIAL>;

/** pi's models.json, comments and trailing commas allowed as pi allows them. Without the file: no providers. */
export function readModels(agentDir: string): ModelsFile {
  return read(join(agentDir, "models.json"), MODELS_FILE) ?? { providers: {} };
}

/** pi's auth.json: what is stored for each provider. */
export function readCredentials(agentDir: string): Record<string, StoredCredential> {
  return read(join(agentDir, "auth.json"), AUTH_FILE) ?? {};
}

/** The provider of pi's default model, where its settings name one. */
export function readDefaultProvider(agentDir: string): string | undefined {
  return read(join(agentDir, "settings.json"), SETTINGS_FILE)?.defaultProvider;
}

/** @throws PictlError SANDBOX_PROVIDER for a file that isn't what pi reads; what is in it isn't shown, since it may be a key */
function read<T>(path: string, schema: z.ZodType<T>): T | undefined {
  let text: string;
  try {
    text = readPiFile(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw unreadable(path, `it ${agentFileProblem(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(withoutComments(text));
  } catch {
    throw unreadable(path, "it is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unreadable(path, `${issue?.path.join(".") || "the whole"} is not what pi expects`);
}

function unreadable(path: string, reason: string): PictlError {
  return new PictlError(
    "SANDBOX_PROVIDER",
    `Cannot tell which provider the sandbox may reach: ${path}: ${reason}.`,
    {
      hint: `Correct ${path}, or start the session without a sandbox.`,
      details: { path },
    },
  );
}

/** Line comments and trailing commas taken out of JSON; texts stay as they are. */
function withoutComments(text: string): string {
  return text
    .replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*/g, (match) => (match.startsWith('"') ? match : ""))
    .replace(/"(?:\\.|[^"\\])*"|,(\s*[}\]])/g, (match, end?: string) => end ?? match);
}
