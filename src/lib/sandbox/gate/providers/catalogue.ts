import { compareVersions } from "../../../core/compare-versions.ts";
import type { Environment } from "../../../core/paths.ts";

/** What pi has built in about a provider, as far as it matters here. Source: pi-ai's catalogue and env-api-keys. */
export interface BuiltIn {
  /**
   * Base URL that stands for the provider inside. `{NAME}` is a value of the credential or the environment. Without
   * it, the provider is somewhere else for each user (Azure).
   */
  url?: string;
  /** APIs under another base, by how the client's path begins behind `url`. */
  also?: { path: string; url: string }[];
  /** Variables with the key; the first that is set counts. */
  keys: string[];
}

type Bases = Pick<BuiltIn, "url" | "also">;

/** Variables with a provider's key; where there are several, the first that is set counts. */
const KEY_OF: Readonly<Record<string, string | string[]>> = {
  "ant-ling": "ANT_LING_API_KEY",
  azure: "AZURE_OPENAI_API_KEY",
  "azure-openai-responses": "AZURE_OPENAI_API_KEY",
  baseten: "BASETEN_API_KEY",
  cerebras: "CEREBRAS_API_KEY",
  "cloudflare-ai-gateway": "CLOUDFLARE_API_KEY",
  "cloudflare-workers-ai": "CLOUDFLARE_API_KEY",
  deepseek: "DEEPSEEK_API_KEY",
  fireworks: "FIREWORKS_API_KEY",
  google: "GEMINI_API_KEY",
  groq: "GROQ_API_KEY",
  huggingface: "HF_TOKEN",
  "kimi-coding": "KIMI_API_KEY",
  meta: "META_API_KEY",
  minimax: "MINIMAX_API_KEY",
  "minimax-cn": "MINIMAX_CN_API_KEY",
  mistral: "MISTRAL_API_KEY",
  moonshotai: "MOONSHOT_API_KEY",
  "moonshotai-cn": "MOONSHOT_API_KEY",
  nvidia: "NVIDIA_API_KEY",
  openai: "OPENAI_API_KEY",
  opencode: "OPENCODE_API_KEY",
  "opencode-go": "OPENCODE_API_KEY",
  openrouter: "OPENROUTER_API_KEY",
  "qwen-token-plan": ["QWEN_TOKEN_PLAN_TEAM_API_KEY", "QWEN_TOKEN_PLAN_API_KEY"],
  "qwen-token-plan-cn": ["QWEN_TOKEN_PLAN_TEAM_CN_API_KEY", "QWEN_TOKEN_PLAN_CN_API_KEY"],
  "qwen-token-plan-individual": ["QWEN_TOKEN_PLAN_INDIVIDUAL_API_KEY", "QWEN_TOKEN_PLAN_API_KEY"],
  "qwen-token-plan-individual-cn": ["QWEN_TOKEN_PLAN_INDIVIDUAL_CN_API_KEY", "QWEN_TOKEN_PLAN_CN_API_KEY"],
  radius: "RADIUS_API_KEY",
  together: "TOGETHER_API_KEY",
  typesafe: "TYPESAFE_API_KEY",
  "vercel-ai-gateway": "AI_GATEWAY_API_KEY",
  xai: "XAI_API_KEY",
  xiaomi: "XIAOMI_API_KEY",
  "xiaomi-token-plan-ams": "XIAOMI_TOKEN_PLAN_AMS_API_KEY",
  "xiaomi-token-plan-cn": "XIAOMI_TOKEN_PLAN_CN_API_KEY",
  "xiaomi-token-plan-sgp": "XIAOMI_TOKEN_PLAN_SGP_API_KEY",
  zai: "ZAI_API_KEY",
  "zai-coding-cn": "ZAI_CODING_CN_API_KEY",
};

/** Providers whose models all have the one base URL. */
const ONE_BASE: Readonly<Record<string, string>> = {
  "ant-ling": "https://api.ant-ling.com/v1",
  anthropic: "https://api.anthropic.com",
  baseten: "https://inference.baseten.co/v1",
  cerebras: "https://api.cerebras.ai/v1",
  "cloudflare-workers-ai": "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1",
  deepseek: "https://api.deepseek.com",
  google: "https://generativelanguage.googleapis.com/v1beta",
  groq: "https://api.groq.com/openai/v1",
  huggingface: "https://router.huggingface.co/v1",
  meta: "https://api.meta.ai/v1",
  minimax: "https://api.minimax.io/anthropic",
  "minimax-cn": "https://api.minimaxi.com/anthropic",
  mistral: "https://api.mistral.ai",
  moonshotai: "https://api.moonshot.ai/v1",
  "moonshotai-cn": "https://api.moonshot.cn/v1",
  nvidia: "https://integrate.api.nvidia.com/v1",
  openai: "https://api.openai.com/v1",
  "qwen-token-plan": "https://token-plan.maas.qwencloudapi.com/compatible-mode/v1",
  "qwen-token-plan-cn": "https://token-plan.maas.qianwenaiapi.com/compatible-mode/v1",
  "qwen-token-plan-individual": "https://token-plan.maas.qwencloudapi.com/compatible-mode/v1",
  "qwen-token-plan-individual-cn": "https://token-plan.maas.qianwenaiapi.com/compatible-mode/v1",
  radius: "https://radius.pi.dev/v1",
  together: "https://api.together.ai/v1",
  typesafe: "https://api.typesafe.ai/v1",
  "vercel-ai-gateway": "https://ai-gateway.vercel.sh",
  xai: "https://api.x.ai/v1",
  xiaomi: "https://api.xiaomimimo.com/v1",
  "xiaomi-token-plan-ams": "https://token-plan-ams.xiaomimimo.com/v1",
  "xiaomi-token-plan-cn": "https://token-plan-cn.xiaomimimo.com/v1",
  "xiaomi-token-plan-sgp": "https://token-plan-sgp.xiaomimimo.com/v1",
  zai: "https://api.z.ai/api/coding/paas/v4",
  "zai-coding-cn": "https://open.bigmodel.cn/api/coding/paas/v4",
};

/** Paths by which the clients of an API are known, behind the base URL that pi gives them. */
const ANTHROPIC = "/v1/messages";
const RESPONSES = "/responses";
const GOOGLE = "/models";

const CLOUDFLARE = "https://gateway.ai.cloudflare.com/v1/{CLOUDFLARE_ACCOUNT_ID}/{CLOUDFLARE_GATEWAY_ID}";

/** Providers that have several APIs under different bases, of which models.json can override one for all. */
const SEVERAL_BASES: Readonly<Record<string, Bases>> = {
  "cloudflare-ai-gateway": {
    url: `${CLOUDFLARE}/compat`,
    also: [
      { path: ANTHROPIC, url: `${CLOUDFLARE}/anthropic` },
      { path: RESPONSES, url: `${CLOUDFLARE}/openai` },
    ],
  },
  fireworks: {
    url: "https://api.fireworks.ai/inference/v1",
    also: [{ path: ANTHROPIC, url: "https://api.fireworks.ai/inference" }],
  },
  "kimi-coding": {
    url: "https://api.kimi.com/coding/v1",
    also: [{ path: ANTHROPIC, url: "https://api.kimi.com/coding" }],
  },
  openrouter: {
    url: "https://openrouter.ai/api/v1",
    also: [{ path: ANTHROPIC, url: "https://openrouter.ai/api" }],
  },
  opencode: opencode("https://opencode.ai/inference"),
  "opencode-go": opencode("https://opencode.ai/inference/go"),
};

const QWEN_BEFORE_1_6: Bases = {
  url: "https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
};
const QWEN_CN_BEFORE_1_6: Bases = {
  url: "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
};

/** Base URLs that an older pi has, each with the version that replaced them. Source: pi's CHANGELOG. */
const EARLIER: Readonly<Record<string, { before: string; bases: Bases }>> = {
  opencode: { before: "1.0.0", bases: zen("https://opencode.ai/zen") },
  "opencode-go": { before: "1.0.0", bases: zen("https://opencode.ai/zen/go") },
  "qwen-token-plan": { before: "1.6.0", bases: QWEN_BEFORE_1_6 },
  "qwen-token-plan-cn": { before: "1.6.0", bases: QWEN_CN_BEFORE_1_6 },
  "qwen-token-plan-individual": { before: "1.6.0", bases: QWEN_BEFORE_1_6 },
  "qwen-token-plan-individual-cn": { before: "1.6.0", bases: QWEN_CN_BEFORE_1_6 },
};

/** Providers that no header serves, with what a user can do. Sources: pi's docs/providers.md, pi-ai's auth/oauth. */
const UNSERVABLE: Readonly<Record<string, string>> = {
  "amazon-bedrock": "each request is signed with AWS credentials, which pi must have itself",
  "google-vertex": "its requests are signed with Google Cloud credentials, which pi must have itself",
  "github-copilot": "pi exchanges its token for others and learns its hosts from them",
  "openai-codex": "pi reads the account from the token, which it must have itself",
  faux: "it has no host",
};

const ANTHROPIC_KEYS = ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"];

/** What pi has built in about a provider; undefined for one that it learns about from models.json or extensions. */
export function builtIn(provider: string, piVersion?: string): BuiltIn | undefined {
  const keys = provider === "anthropic" ? ANTHROPIC_KEYS : KEY_OF[provider];
  if (keys === undefined) return undefined;
  const earlier = EARLIER[provider];
  const isEarlier =
    piVersion !== undefined && earlier !== undefined && compareVersions(piVersion, earlier.before) < 0;
  const url = ONE_BASE[provider];
  const bases = isEarlier ? earlier.bases : (SEVERAL_BASES[provider] ?? (url === undefined ? {} : { url }));
  return { ...bases, keys: [keys].flat() };
}

/** Why a provider can't be served with its credential outside, or undefined when it can. */
export function unservable(provider: string): string | undefined {
  return UNSERVABLE[provider];
}

/** All providers that pi has built in or that can't be served. */
export function knownProviders(): string[] {
  return [...new Set([...Object.keys(KEY_OF), "anthropic", ...Object.keys(UNSERVABLE)])].filter(
    (id) => id !== "faux",
  );
}

/** Variables with credentials of providers, those included that can't be served. */
export const CREDENTIAL_VARIABLES: readonly string[] = [
  ...new Set([
    ...Object.values(KEY_OF).flat(),
    ...ANTHROPIC_KEYS,
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    // No secrets, but they would lead pi past the gate.
    "AZURE_OPENAI_BASE_URL",
    "AZURE_OPENAI_RESOURCE_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "COPILOT_GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GOOGLE_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_API_KEY",
  ]),
];

/** Whether the environment has what a provider without a single key takes its credentials from. */
export function hasAmbientCredentials(provider: string, env: Environment): boolean {
  const has = (name: string) => (env[name] ?? "") !== "";
  if (provider === "amazon-bedrock") {
    return (
      ["AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_WEB_IDENTITY_TOKEN_FILE"].some(has) ||
      (has("AWS_ACCESS_KEY_ID") && has("AWS_SECRET_ACCESS_KEY")) ||
      ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"].some(has)
    );
  }
  if (provider === "google-vertex") {
    return (
      has("GOOGLE_CLOUD_API_KEY") || (has("GOOGLE_APPLICATION_CREDENTIALS") && has("GOOGLE_CLOUD_LOCATION"))
    );
  }
  return provider === "github-copilot" && has("COPILOT_GITHUB_TOKEN");
}

function opencode(root: string): Bases {
  return {
    url: `${root}/openai/v1`,
    also: [
      { path: ANTHROPIC, url: `${root}/anthropic` },
      { path: GOOGLE, url: `${root}/google/v1beta` },
    ],
  };
}

function zen(root: string): Bases {
  return { url: `${root}/v1`, also: [{ path: ANTHROPIC, url: root }] };
}
