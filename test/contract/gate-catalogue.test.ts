import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { builtIn, unservable } from "../../src/lib/sandbox/gate/providers/catalogue.ts";

/** Other kinds of models than those that sessions talk to; their APIs aren't served beside a provider's first. */
const NOT_FOR_SESSIONS = /system-one|-images$|-decisions$/;
const NEXT = process.env.PICTL_TEST_PI_NEXT;

interface Model {
  api: string;
  provider: string;
  baseUrl: string;
}

function bundledModels(): Model[] {
  const root = join(
    dirname(new URL(import.meta.resolve("@earendil-works/pi-ai")).pathname),
    "providers",
    "data",
  );
  const files = readdirSync(root).filter((name) => name.endsWith(".json") && !name.startsWith("."));
  return files.flatMap((name) => {
    const apis = JSON.parse(readFileSync(join(root, name), "utf8")) as Record<string, Record<string, Model>>;
    return Object.values(apis).flatMap((models) => Object.values(models));
  });
}

function bundledVersion(): string {
  const index = new URL(import.meta.resolve("@earendil-works/pi-coding-agent"));
  return (JSON.parse(readFileSync(new URL("../package.json", index), "utf8")) as { version: string }).version;
}

/** A later pi has its catalogue in its bundle, as JavaScript. */
function nextModels(cli: string): Model[] {
  const root = join(dirname(cli), "chunks");
  const source = readdirSync(root)
    .map((name) => readFileSync(join(root, name), "utf8"))
    .join("\n");
  const pattern = /api:"([a-z0-9-]+)",(?:[a-zA-Z]+:[^,{}]+,)*?provider:"([a-z0-9-]+)",baseUrl:"([^"]*)"/g;
  return [...source.matchAll(pattern)].map(([, api = "", provider = "", baseUrl = ""]) => ({
    api,
    provider,
    baseUrl,
  }));
}

function check(models: Model[], piVersion: string, fewest: number): void {
  assert.ok(new Set(models.map(({ provider }) => provider)).size >= fewest);
  const unknown = new Set<string>();
  for (const { api, provider, baseUrl } of models) {
    if (unservable(provider) !== undefined || NOT_FOR_SESSIONS.test(api) || baseUrl === "") continue;
    const known = builtIn(provider, piVersion);
    const bases = known === undefined ? [] : [known.url, ...(known.also ?? []).map(({ url }) => url)];
    if (!bases.includes(baseUrl)) unknown.add(`${provider} ${api} ${baseUrl}`);
  }
  unknown.delete("unknown unknown ");
  assert.deepEqual([...unknown], []);
}

test("every base URL of the bundled pi's catalogue is one that the gate knows, or says that it doesn't serve", () => {
  check(bundledModels(), bundledVersion(), 35);
});

test("the same holds for the newer pi", {
  skip: NEXT ? false : "PICTL_TEST_PI_NEXT doesn't name a pi's cli.js",
}, () => {
  check(nextModels(NEXT ?? ""), "1.5.2", 30);
});
