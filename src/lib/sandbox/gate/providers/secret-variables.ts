import type { Environment } from "../../../core/paths.ts";
import { isSecretName } from "../../../core/redact.ts";
import { builtIn, CREDENTIAL_VARIABLES } from "./catalogue.ts";
import { variablesOf } from "./config-value.ts";
import { secretHeaders } from "./inside-models.ts";
import type { ModelsFile, ProviderEntry, StoredCredential } from "./pi-files.ts";

/** The variables that one provider takes its credential from. */
export function variablesFor(id: string, entry: ProviderEntry | undefined): string[] {
  const prefixes: Record<string, RegExp> = {
    "amazon-bedrock": /^AWS_/,
    "google-vertex": /^GOOGLE_/,
    "github-copilot": /^COPILOT_/,
  };
  const pattern = prefixes[id];
  return [
    ...(pattern === undefined ? [] : CREDENTIAL_VARIABLES.filter((name) => pattern.test(name))),
    ...(builtIn(id)?.keys ?? []),
    ...(entry === undefined ? [] : entryVariables(entry)),
  ];
}

/**
 * All variables that hold credentials: of providers, of pi's files, and of the environment by their names.
 *
 * @param wanted names that the policy lets pass: they aren't secret for their looks, only as a provider's credential
 */
export function secretVariables(
  env: Environment,
  { models, stored }: { models: ModelsFile; stored: Record<string, StoredCredential> },
  wanted: readonly string[] = [],
): string[] {
  const named = [
    ...Object.values(models.providers).flatMap(entryVariables),
    ...Object.values(stored).flatMap((each) =>
      each.type === "api_key" && each.key !== undefined ? variablesOf(each.key) : [],
    ),
  ];
  const looking = Object.keys(env).filter((name) => isSecretName(name) && !wanted.includes(name));
  return [...new Set([...CREDENTIAL_VARIABLES, ...named, ...looking])].sort();
}

function entryVariables(entry: ProviderEntry): string[] {
  return [...(entry.apiKey === undefined ? [] : [entry.apiKey]), ...secretHeaders(entry)].flatMap(
    variablesOf,
  );
}
