import { PictlError } from "../../../core/errors.ts";
import type { Environment } from "../../../core/paths.ts";
import type { ProviderHost } from "../access.ts";
import type { GateProvider } from "../mount.ts";
import { findBases, hostsOfUnserved, isAzure } from "./bases.ts";
import { builtIn, hasAmbientCredentials, knownProviders, unservable } from "./catalogue.ts";
import { insideModels, placeholder, type ServedProvider, secretHeaders } from "./inside-models.ts";
import {
  ANTHROPIC_TOKEN,
  entryProblem,
  isSubscription,
  keySource,
  missingKey,
  sendsBearer,
  storedProblem,
} from "./key-source.ts";
import {
  type ModelsFile,
  readCredentials,
  readDefaultProvider,
  readModels,
  type StoredCredential,
} from "./pi-files.ts";
import { secretVariables, variablesFor } from "./secret-variables.ts";
import { Secrets } from "./secrets.ts";

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
  /** Names of variables that the policy lets pass, whatever they look like. */
  wantedEnv?: readonly string[];
  /** Runs pi outside, with the caller's environment, and gives its standard output. */
  runPi: (args: string[]) => Promise<string>;
  /** Runs a `!command` outside, with what of this environment may be used there. */
  runCommand: (command: string, env: Environment) => Promise<string>;
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
  /** Variables that hold credentials, or say where one is: none may pass, but those of exposed providers and wanted ones. */
  secretEnv: string[];
  /** Variables of exposed providers, which pass. */
  exposedEnv: string[];
  /** Variables that pi needs inside for what is served, none of them secret. */
  env: Record<string, string>;
  /** The text of the models.json for inside. auth.json must not be there at all. */
  modelsJson: (gate: { port: number; token: string }) => string;
}

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
    secretEnv: secretVariables(options.env, files, options.wantedEnv).filter((name) => !kept.includes(name)),
    exposedEnv: kept,
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
      hint: `Choose a model of another provider with \`pictl prompt --model provider/id\`, let its variables in with expose_credentials = ["${first.id}"] in your sandbox.toml, or start the session without a sandbox.`,
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
    runCommand: options.runCommand,
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
      settingsOf(id).flatMap((name) => {
        const value = variable(name);
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  };
}

/** Variables that say something about an account and are no secret: pi asks for them before it sends anything. */
function settingsOf(id: string): string[] {
  if (isAzure(id)) return ["AZURE_OPENAI_API_VERSION", "AZURE_OPENAI_DEPLOYMENT_NAME_MAP"];
  return id.startsWith("cloudflare-") ? ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_GATEWAY_ID"] : [];
}
