import type { Environment } from "../../../core/paths.ts";
import type { ProviderHost } from "../access.ts";
import { hostsOf, type Mount } from "../mount.ts";
import { builtIn } from "./catalogue.ts";
import type { ModelsFile, ProviderEntry } from "./pi-files.ts";

/** A provider's real base URLs: its own, and those that models have of their own. */
export interface Bases {
  mount: Mount | undefined;
  models: Map<string, Mount>;
}

/** Finds a provider's base URLs in models.json and in what pi has built in, or says why there are none. */
export function findBases(
  id: string,
  entry: ProviderEntry,
  known: { url?: string; also?: Mount["also"] } | undefined,
  variable: (name: string) => string | undefined,
): Bases | { reason: string } {
  const models = new Map<string, Mount>();
  const owned = [...(entry.models ?? []), ...Object.values(entry.modelOverrides ?? {})].flatMap(
    ({ baseUrl }) => baseUrl ?? [],
  );
  for (const url of owned) {
    if (!isHttpUrl(url)) return { reason: `a model's baseUrl in models.json is no http or https URL` };
    models.set(url, { url, named: true });
  }
  const azure = isAzure(id) ? azureUrl(entry, variable) : undefined;
  const given = azure ?? entry.baseUrl;
  if (given !== undefined) {
    return isHttpUrl(given)
      ? { mount: { url: given, named: true }, models }
      : { reason: "its baseUrl is no http or https URL without a user and password" };
  }
  const base = known?.url;
  if (base === undefined) {
    const every = (entry.models ?? []).every(({ baseUrl }) => baseUrl !== undefined);
    return models.size > 0 && every
      ? { mount: undefined, models }
      : {
          reason: `pictl doesn't know where it is: give its baseUrl in models.json${isAzure(id) ? ", or set AZURE_OPENAI_BASE_URL" : ""}`,
        };
  }
  let missing: string | undefined;
  const fill = (url: string) =>
    url.replace(/\{([A-Z_]+)\}/g, (_match, name: string) => {
      const value = variable(name);
      if (value === undefined) missing = name;
      return encodeURIComponent(value ?? "");
    });
  const mount: Mount = {
    url: fill(base),
    named: false,
    ...(known?.also === undefined
      ? {}
      : { also: known.also.map(({ path, url }) => ({ path, url: fill(url) })) }),
  };
  return missing === undefined ? { mount, models } : { reason: `${missing} is not set` };
}

/** Whether each user has the provider at a host of their own. */
export function isAzure(id: string): boolean {
  return id === "azure" || id === "azure-openai-responses";
}

/** Azure's base as pi makes it of its variables and of models.json (pi-ai's azure-openai-responses). */
function azureUrl(entry: ProviderEntry, variable: (name: string) => string | undefined): string | undefined {
  const resource = variable("AZURE_OPENAI_RESOURCE_NAME");
  const given =
    variable("AZURE_OPENAI_BASE_URL") ??
    (resource === undefined ? entry.baseUrl : `https://${encodeURIComponent(resource)}.openai.azure.com`);
  if (given === undefined || !isHttpUrl(given)) return given;
  const url = new URL(given);
  const isAzureHost = /\.(?:openai\.azure|cognitiveservices\.azure|ai\.azure)\.com$/.test(url.hostname);
  if (isAzureHost && /^(?:\/openai(?:\/v1\/responses)?)?\/*$/.test(url.pathname)) url.pathname = "/openai/v1";
  return url.href;
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}

/** Where a provider is that can't be served, as far as that is known. */
export function hostsOfUnserved(
  id: string,
  options: { env: Environment; piVersion?: string | undefined },
  models: ModelsFile,
): ProviderHost[] {
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
