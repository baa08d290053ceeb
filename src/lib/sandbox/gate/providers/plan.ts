import { PictlError } from "../../../core/errors.ts";
import type { Environment } from "../../../core/paths.ts";
import { isSecretName } from "../../../core/redact.ts";
import type { ProviderHost } from "../access.ts";
import { type GateProvider, hostsOf, type Mount } from "../mount.ts";
import {
  builtIn,
  CREDENTIAL_VARIABLES,
  hasAmbientCredentials,
  knownProviders,
  unservable,
} from "./catalogue.ts";
import { variablesOf } from "./config-value.ts";
import { insideModels, placeholder, type ServedProvider, secretHeaders } from "./inside-models.ts";
import {
  type ModelsFile,
  type ProviderEntry,
  readCredentials,
  readDefaultProvider,
  readModels,
  type StoredCredential,
} from "./pi-files.ts";
import { runCommand } from "./run-command.ts";
import { type KeySource, Secrets } from "./secrets.ts";

export interface PlanOptions {
  /** pi's directory, outside. */
  agentDir: string;
  /** The caller's environment: pi would take keys from it. */
  env: Environment;
  /** The session's model as pi takes it (`provider/id`, an id, a pattern), and its provider where that is given by itself. */
  model?: string | undefined;
  provider?: string | undefined;
  /** Serve every provider with credentials and not only the session's, so that its model can be changed to any. */
  all?: boolean;
  /** pi's version: what is built in differs a little. Without it, the newest known. */
  piVersion?: string | undefined;
  /** Providers that can't be served and whose credentials the user lets in. Their variables and entries pass. */
  expose?: readonly string[];
  /** Runs pi outside, with the caller's environment, and gives its standard output. */
  runPi: (args: string[]) => Promise<string>;
  /** For tests. */
  runCommand?: (command: string, env: NodeJS.ProcessEnv) => Promise<string>;
}

/** A provider of the session that the gate can't add the credential for. */
export interface UnservedProvider {
  id: string;
  reason: string;
}

export interface ProviderPlan {
  /** What the session uses, as far as that can be told beforehand. */
  used: string[];
  /** For `GateOptions.providers`. */
  gateProviders: GateProvider[];
  unserved: UnservedProvider[];
  /** For `GateOptions.hosts`: where the providers are that can't be served, as far as that is known. */
  hosts: ProviderHost[];
  /** Variables that hold credentials, or say where one is: none may pass, but those of exposed providers. */
  secretEnv: string[];
  /** Variables that pi needs inside for what is served, none of them secret. */
  env: Record<string, string>;
  /** The text of the models.json for inside. auth.json must not be there at all. */
  modelsJson: (gate: { port: number; token: string }) => string;
}

/** By how an Anthropic key begins pi tells a subscription's token, and shapes the request for it. */
const ANTHROPIC_TOKEN = "sk-ant-oat";

/**
 * Works out which providers a session uses, and how each can be reached from a sandbox without its credential being
 * there. Reads pi's models.json, auth.json and settings.json; runs nothing yet.
 *
 * @throws PictlError SANDBOX_PROVIDER for a file that pi couldn't read either
 */
export function planProviders(options: PlanOptions): ProviderPlan {
  const files = {
    models: readModels(options.agentDir),
    stored: readCredentials(options.agentDir),
  };
  const used = usedProviders(options, files);
  const exposed = used.filter((id) => options.expose?.includes(id));
  const served: { inside: ServedProvider; gate: GateProvider; env: Record<string, string> }[] = [];
  const unserved: UnservedProvider[] = [];
  for (const id of used.filter((each) => !exposed.includes(each))) {
    const result = serve(id, options, files);
    if ("reason" in result) unserved.push(result);
    else served.push(result);
  }
  const kept = exposed.flatMap((id) => variablesFor(id, files.models.providers[id]));
  const inside = served.map((each) => each.inside);
  return {
    used,
    gateProviders: served.map((each) => each.gate),
    unserved,
    hosts: [...exposed, ...unserved.map(({ id }) => id)].flatMap((id) =>
      hostsOfUnserved(id, options, files.models),
    ),
    secretEnv: secretVariables(options.env, files).filter((name) => !kept.includes(name)),
    env: Object.assign({}, ...served.map((each) => each.env)) as Record<string, string>,
    modelsJson: (gate) => insideModels(files.models, inside, exposed, gate),
  };
}

/**
 * Refuses a plan under which the session couldn't reach its model.
 *
 * @throws PictlError SANDBOX_PROVIDER
 */
export function requireServed(plan: ProviderPlan): void {
  const [first] = plan.unserved;
  if (first === undefined || plan.gateProviders.length > 0) return;
  throw new PictlError(
    "SANDBOX_PROVIDER",
    `The provider ${first.id} can't be used in a sandbox with its credential outside: ${first.reason}.`,
    {
      hint: "Choose a model of another provider with --model provider/id, or start the session without a sandbox.",
      details: { unserved: plan.unserved },
    },
  );
}

interface Files {
  models: ModelsFile;
  stored: Record<string, StoredCredential>;
}

function usedProviders(options: PlanOptions, files: Files): string[] {
  const { model = "", provider } = options;
  const slash = model.indexOf("/");
  const named = provider ?? (slash > 0 ? model.slice(0, slash) : undefined);
  const known = new Set([
    ...knownProviders(),
    ...Object.keys(files.models.providers),
    ...Object.keys(files.stored),
  ]);
  const withCredentials = [...known].filter((id) => hasCredentials(id, options, files));
  if (options.all) return withCredentials;
  // pictl's own models run in the agent itself.
  if (named === "scripted") return [];
  if (named !== undefined && known.has(named)) return [named];
  // An id or pattern without a provider could be anyone's; a default provider isn't asked then.
  const chosen = model === "" ? readDefaultProvider(options.agentDir) : undefined;
  return chosen !== undefined && known.has(chosen) ? [chosen] : withCredentials;
}

function hasCredentials(id: string, { env, piVersion }: PlanOptions, { models, stored }: Files): boolean {
  return (
    stored[id] !== undefined ||
    models.providers[id]?.apiKey !== undefined ||
    (builtIn(id, piVersion)?.keys ?? []).some((name) => (env[name] ?? "") !== "") ||
    hasAmbientCredentials(id, env)
  );
}

function serve(
  id: string,
  options: PlanOptions,
  files: Files,
): { inside: ServedProvider; gate: GateProvider; env: Record<string, string> } | UnservedProvider {
  const { agentDir, env, piVersion } = options;
  const entry = files.models.providers[id] ?? {};
  const stored = files.stored[id];
  const reason = unservable(id) ?? storedProblem(id, stored) ?? entryProblem(entry);
  if (reason !== undefined) return { id, reason };
  const known = builtIn(id, piVersion);
  const source = keySource(entry, stored, known?.keys ?? [], env);
  if (source === undefined && !entry.headers) return { id, reason: missingKey(id, known?.keys ?? []) };
  const own = stored?.type === "api_key" ? (stored.env ?? {}) : {};
  const variable = (name: string) => own[name] || env[name] || undefined;
  const bases = findBases(id, entry, known, variable);
  if ("reason" in bases) return { id, ...bases };

  const headers = new Map(secretHeaders(entry).map((value) => [value, placeholder()]));
  const key = placeholder(
    id === "anthropic" && isSubscription(source, variable) ? ANTHROPIC_TOKEN : undefined,
  );
  const secrets = new Secrets({
    provider: id,
    agentDir,
    env,
    ...(source === undefined ? {} : { key: { source, placeholder: key } }),
    bearer: sendsBearer(id, source),
    headers: [...headers].map(([value, each]) => ({ placeholder: each, value })),
    runPi: options.runPi,
    runCommand: options.runCommand ?? runCommand,
  });
  const { mount, models } = bases;
  return {
    inside: { id, mount, models, placeholder: key, headers },
    gate: {
      id,
      mounts: [...(mount === undefined ? [] : [mount]), ...models.values()],
      credential: () => secrets.credential(),
      invalidate: () => secrets.invalidate(),
    },
    env: Object.fromEntries(
      ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_GATEWAY_ID"].flatMap((name) => {
        const value = id.startsWith("cloudflare-") ? variable(name) : undefined;
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  };
}

/** pi's order: what is stored counts alone, then models.json, then variables. */
function keySource(
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

function storedProblem(id: string, stored: StoredCredential | undefined): string | undefined {
  if (stored?.type === "unknown")
    return `auth.json has a credential of a kind that pictl doesn't know (${stored.name})`;
  if (id === "openai" && stored?.type === "oauth")
    return "pi reads the account from the token, which it must have itself";
  return undefined;
}

function entryProblem(entry: ProviderEntry): string | undefined {
  return entry.oauth === undefined ? undefined : `its login is pi's own (\`oauth\` in models.json)`;
}

function missingKey(id: string, variables: readonly string[]): string {
  const variable = variables.at(-1);
  return `it has no credential: sign in with \`pi\` and /login ${id}${variable === undefined ? "" : `, or set ${variable}`}`;
}

function isSubscription(
  source: KeySource | undefined,
  variable: (name: string) => string | undefined,
): boolean {
  if (source?.kind === "stored-login") return true;
  if (source?.kind === "variable") return (variable(source.name) ?? "").includes(ANTHROPIC_TOKEN);
  return source?.kind === "stored-key" && source.key.includes(ANTHROPIC_TOKEN);
}

/** Where pi sends the credential as a bearer token although the API has another place for keys. */
function sendsBearer(id: string, source: KeySource | undefined): boolean {
  if (id === "kimi-coding") return source?.kind === "stored-login";
  return source?.kind === "variable" && source.name === "ANTHROPIC_AUTH_TOKEN";
}

function findBases(
  id: string,
  entry: ProviderEntry,
  known: { url: string; also?: Mount["also"] } | undefined,
  variable: (name: string) => string | undefined,
): { mount: Mount | undefined; models: Map<string, Mount> } | { reason: string } {
  const models = new Map<string, Mount>();
  const owned = [...(entry.models ?? []), ...Object.values(entry.modelOverrides ?? {})].flatMap(
    ({ baseUrl }) => baseUrl ?? [],
  );
  for (const url of owned) {
    if (!isHttpUrl(url)) return { reason: `a model's baseUrl in models.json is no http or https URL` };
    models.set(url, { url, named: true });
  }
  const azure = id === "azure" || id === "azure-openai-responses" ? azureUrl(entry, variable) : undefined;
  const given = azure ?? entry.baseUrl;
  if (given !== undefined) {
    return isHttpUrl(given)
      ? { mount: { url: given, named: true }, models }
      : { reason: "its baseUrl is no http or https URL without a user and password" };
  }
  if (known === undefined) {
    const every = (entry.models ?? []).every(({ baseUrl }) => baseUrl !== undefined);
    return models.size > 0 && every
      ? { mount: undefined, models }
      : { reason: `pictl doesn't know where it is: give its baseUrl in models.json` };
  }
  let missing: string | undefined;
  const fill = (url: string) =>
    url.replace(/\{([A-Z_]+)\}/g, (_match, name: string) => {
      const value = variable(name);
      if (value === undefined) missing = name;
      return encodeURIComponent(value ?? "");
    });
  const mount: Mount = {
    url: fill(known.url),
    named: false,
    ...(known.also === undefined
      ? {}
      : { also: known.also.map(({ path, url }) => ({ path, url: fill(url) })) }),
  };
  return missing === undefined ? { mount, models } : { reason: `${missing} is not set` };
}

/** Azure's base as pi makes it of its variables and of models.json (pi-ai's azure-openai-responses). */
function azureUrl(entry: ProviderEntry, variable: (name: string) => string | undefined): string | undefined {
  const resource = variable("AZURE_OPENAI_RESOURCE_NAME");
  const given =
    variable("AZURE_OPENAI_BASE_URL") ??
    (resource === undefined ? entry.baseUrl : `https://${encodeURIComponent(resource)}.openai.azure.com`);
  if (given === undefined || !isHttpUrl(given)) return given;
  const url = new URL(given);
  const isAzure = /\.(?:openai\.azure|cognitiveservices\.azure|ai\.azure)\.com$/.test(url.hostname);
  if (isAzure && /^(?:\/openai(?:\/v1\/responses)?)?\/*$/.test(url.pathname)) url.pathname = "/openai/v1";
  return url.href;
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}

function hostsOfUnserved(id: string, options: PlanOptions, models: ModelsFile): ProviderHost[] {
  const bases = findBases(
    id,
    models.providers[id] ?? {},
    builtIn(id, options.piVersion),
    (name) => options.env[name],
  );
  if ("reason" in bases) return UNSERVED_HOSTS[id] ?? [];
  const mounts = [...(bases.mount === undefined ? [] : [bases.mount]), ...bases.models.values()];
  return hostsOf({ id, mounts, credential: async () => ({}) });
}

/** Where those are reached that can't be served, where that is the same for everyone. */
const UNSERVED_HOSTS: Readonly<Record<string, ProviderHost[]>> = {
  "github-copilot": ["api.individual.githubcopilot.com", "api.github.com", "github.com"].map(publicHost),
  "openai-codex": ["chatgpt.com", "auth.openai.com"].map(publicHost),
};

function publicHost(host: string): ProviderHost {
  return { host, port: 443, named: false };
}

function variablesFor(id: string, entry: ProviderEntry | undefined): string[] {
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

function secretVariables(env: Environment, { models, stored }: Files): string[] {
  const named = [
    ...Object.values(models.providers).flatMap(entryVariables),
    ...Object.values(stored).flatMap((each) =>
      each.type === "api_key" && each.key !== undefined ? variablesOf(each.key) : [],
    ),
  ];
  return [...new Set([...CREDENTIAL_VARIABLES, ...named, ...Object.keys(env).filter(isSecretName)])].sort();
}

function entryVariables(entry: ProviderEntry): string[] {
  return [...(entry.apiKey === undefined ? [] : [entry.apiKey]), ...secretHeaders(entry)].flatMap(
    variablesOf,
  );
}
