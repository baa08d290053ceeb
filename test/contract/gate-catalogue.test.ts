import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { builtIn, unservable } from "../../src/lib/sandbox/gate/providers/catalogue.ts";
import { pis } from "../support/pis.ts";

/** Other kinds of models than those that sessions talk to; their APIs aren't served beside a provider's first. */
const NOT_FOR_SESSIONS = /system-one|-images$|-decisions$/;

interface Model {
  api: string;
  provider: string;
  baseUrl: string;
}

/** pi has its catalogue in its bundle, as JavaScript. */
function modelsOf(cli: string): Model[] {
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

for (const { name, version, cli, skip } of pis) {
  test(`every base URL of the catalogue of ${name} is one that the gate knows, or says that it doesn't serve`, {
    skip,
  }, () => {
    check(modelsOf(cli), version, 30);
  });
}
