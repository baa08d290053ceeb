import type { Environment } from "../../../core/paths.ts";
import type { ProviderEntry, StoredCredential } from "./pi-files.ts";
import type { KeySource } from "./secrets.ts";

/** By how an Anthropic key begins pi tells a subscription's token, and shapes the request for it. */
export const ANTHROPIC_TOKEN = "sk-ant-oat";

/** pi's order: what is stored counts alone, then models.json, then variables. */
export function keySource(
  entry: ProviderEntry,
  stored: StoredCredential | undefined,
  variables: readonly string[],
  env: Environment,
): KeySource | undefined {
  if (stored?.type === "oauth") return { kind: "stored-login" };
  if (stored?.type === "api_key" && stored.key !== undefined) {
    return { kind: "stored-key", key: stored.key, env: stored.env ?? {} };
  }
  if (entry.apiKey !== undefined) return { kind: "configured", value: entry.apiKey };
  const name = variables.find((each) => (env[each] ?? "") !== "");
  return name === undefined ? undefined : { kind: "variable", name };
}

export function storedProblem(id: string, stored: StoredCredential | undefined): string | undefined {
  if (stored?.type === "unknown")
    return `auth.json has a credential of a kind that pictl doesn't know (${stored.name})`;
  if (id === "openai" && stored?.type === "oauth")
    return "pi reads the account from the token, which it must have itself";
  return undefined;
}

export function entryProblem(entry: ProviderEntry): string | undefined {
  return entry.oauth === undefined ? undefined : `its login is pi's own (\`oauth\` in models.json)`;
}

export function missingKey(id: string, variables: readonly string[]): string {
  const variable = variables.at(-1);
  return `it has no credential: sign in with \`pi\` and /login ${id}${variable === undefined ? "" : `, or set ${variable}`}`;
}

export function isSubscription(
  source: KeySource | undefined,
  variable: (name: string) => string | undefined,
): boolean {
  if (source?.kind === "stored-login") return true;
  if (source?.kind === "variable") return (variable(source.name) ?? "").includes(ANTHROPIC_TOKEN);
  return source?.kind === "stored-key" && source.key.includes(ANTHROPIC_TOKEN);
}

/** Where pi sends the credential as a bearer token although the API has another place for keys. */
export function sendsBearer(id: string, source: KeySource | undefined): boolean {
  if (id === "kimi-coding") return source?.kind === "stored-login";
  return source?.kind === "variable" && source.name === "ANTHROPIC_AUTH_TOKEN";
}
