import { createAssistantMessageEventStream } from "@earendil-works/pi-ai";
import type { ExtensionAPI, ProviderModelConfig } from "@earendil-works/pi-coding-agent";
import { ScriptedProvider } from "./provider.ts";
import { loadScript, readScenario, type Script } from "./script.ts";

const PROVIDER = "scripted";

/**
 * The pi extension behind `--model scripted/…`: registers a provider inside pi that answers by a script, with
 * no port, file or credential. Bundled into one file that pi loads with `-e`; pi resolves the import of
 * `@earendil-works/pi-ai` to its own copy.
 */
export default function scriptedModel(pi: ExtensionAPI): void {
  const scripts = scriptsIn(process.argv);
  const answers = new Map<string, number>();
  let started = false;
  let cwd = process.cwd();

  // Context alone would not do: a compaction takes answers out of it, and pi leaves failed ones out.
  pi.on("session_start", (_event, context) => {
    started = true;
    cwd = context.cwd;
    answers.clear();
    provider.restart();
    for (const entry of context.sessionManager.getBranch()) {
      if (entry.type !== "message" || entry.message.role !== "assistant") continue;
      const { provider, model } = entry.message;
      if (provider === PROVIDER) answers.set(model, (answers.get(model) ?? 0) + 1);
    }
  });

  const provider = new ScriptedProvider({
    scripts,
    answersBefore: (modelId) => (started ? (answers.get(modelId) ?? 0) : undefined),
    env: process.env,
    cwd: () => cwd,
  });

  pi.registerProvider(PROVIDER, {
    name: "Scripted",
    // pi insists on both for a provider with models; neither is ever used.
    baseUrl: "http://localhost:0",
    apiKey: "none",
    api: "pictl-scripted",
    models: ["echo", ...scripts.keys()].map(modelConfig),
    streamSimple: (model, context, options) => {
      const stream = createAssistantMessageEventStream();
      void provider.reply(stream, model, context, options);
      return stream;
    },
  });
}

/** The scenarios that pi was started with: every `--model scripted/<path>` of its command line. */
function scriptsIn(argv: readonly string[]): Map<string, Script> {
  const prefix = `${PROVIDER}/`;
  const ids = argv
    .filter((value, index) => argv[index - 1] === "--model" && value.startsWith(prefix))
    .map((value) => value.slice(prefix.length))
    .filter((id) => id.startsWith("/"));
  return new Map(ids.map((id) => [id, loadScript(id, readScenario)]));
}

function modelConfig(id: string): ProviderModelConfig {
  return {
    id,
    name: id,
    reasoning: true,
    // Without this pi would clamp the two highest levels.
    thinkingLevelMap: { xhigh: "xhigh", max: "max" },
    input: ["text", "image"],
    // Dollars for a million tokens: small, but seen in a listing.
    cost: { input: 1, output: 5, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 200_000,
    maxTokens: 32_000,
  };
}
