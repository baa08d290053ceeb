import { randomBytes } from "node:crypto";
import { insideUrl, type Mount } from "../mount.ts";
import type { ModelEntry, ModelsFile, ProviderEntry } from "./pi-files.ts";

/** A provider that is served, as its entry inside needs it. */
export interface ServedProvider {
  id: string;
  /** Stands for the provider's base URL. */
  mount: Mount | undefined;
  /** For each base URL that models have of their own. */
  models: ReadonlyMap<string, Mount>;
  /** In place of the key. */
  placeholder: string;
  /** In place of header values: by the real text. */
  headers: ReadonlyMap<string, string>;
}

/** Headers of models.json that say how to talk and not who is talking. All others are taken for secrets. */
const HARMLESS_HEADER =
  /^(?:user-agent|accept|accept-language|content-type|anthropic-(?:beta|version)|openai-beta|http-referer|referer|x-title|x-app|editor-version|editor-plugin-version|copilot-integration-id)$/i;

/**
 * A text that stands for a secret inside. `kind` is a begin by which pi tells kinds of keys apart. Random, so that
 * no other text is taken for it, and without characters that pi's configuration gives a meaning.
 */
export function placeholder(kind = "pictl-sandbox"): string {
  return `${kind}-placeholder-${randomBytes(12).toString("hex")}`;
}

/** The values of a provider's and its models' headers that are kept outside. */
export function secretHeaders(entry: ProviderEntry): string[] {
  const all = [entry, ...(entry.models ?? []), ...Object.values(entry.modelOverrides ?? {})].flatMap(
    ({ headers }) => Object.entries(headers ?? {}),
  );
  return [...new Set(all.filter(([name, value]) => isSecretHeader(name, value)).map(([, value]) => value))];
}

/**
 * The models.json for inside: only providers that are served, whose URLs lead to the gate and whose keys and headers
 * are placeholders. Providers that are built in get an entry too. Fields that are not about that stay as they are.
 *
 * @param exposed providers whose entries the user lets in as they are, with their secrets
 */
export function insideModels(
  file: ModelsFile,
  served: readonly ServedProvider[],
  exposed: readonly string[],
  gate: { port: number; token: string },
): string {
  const providers: Record<string, unknown> = {};
  for (const id of exposed) if (file.providers[id] !== undefined) providers[id] = file.providers[id];
  for (const each of served) providers[each.id] = insideEntry(file.providers[each.id] ?? {}, each, gate);
  return `${JSON.stringify({ ...file, providers }, null, 2)}\n`;
}

function insideEntry(
  entry: ProviderEntry,
  served: ServedProvider,
  gate: { port: number; token: string },
): unknown {
  const { apiKey: _apiKey, baseUrl: _baseUrl, ...rest } = entry;
  const { mount } = served;
  return {
    ...withPlaceholders(rest, served),
    ...(mount === undefined ? {} : { baseUrl: insideUrl(gate, served.id, mount) }),
    apiKey: served.placeholder,
    ...(entry.models === undefined
      ? {}
      : { models: entry.models.map((model) => insideModel(model, served, gate)) }),
    ...(entry.modelOverrides === undefined
      ? {}
      : {
          modelOverrides: Object.fromEntries(
            Object.entries(entry.modelOverrides).map(([id, model]) => [id, insideModel(model, served, gate)]),
          ),
        }),
  };
}

function insideModel(
  model: ModelEntry,
  served: ServedProvider,
  gate: { port: number; token: string },
): unknown {
  const { baseUrl, ...rest } = model;
  const mount = baseUrl === undefined ? undefined : served.models.get(baseUrl);
  return {
    ...withPlaceholders(rest, served),
    ...(mount === undefined ? {} : { baseUrl: insideUrl(gate, served.id, mount) }),
  };
}

function withPlaceholders<T extends { headers?: Record<string, string> | undefined }>(
  entry: T,
  served: ServedProvider,
): T {
  if (entry.headers === undefined) return entry;
  const headers = Object.fromEntries(
    Object.entries(entry.headers).map(([name, value]) => [name, served.headers.get(value) ?? value]),
  );
  return { ...entry, headers };
}

/** A value that is filled in from elsewhere is a secret whatever the header is called. */
function isSecretHeader(name: string, value: string): boolean {
  return !HARMLESS_HEADER.test(name) || value.startsWith("!") || value.includes("$");
}
