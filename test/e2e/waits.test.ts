import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { Workspace } from "../support/workspace.ts";

function workspace(t: TestContext): Workspace {
  const place = new Workspace();
  t.after(() => place.dispose());
  return place;
}

/** Makes `local/m` a model of this port, and leaves trying again to whoever prompts. */
function useProvider(place: Workspace, port: number): void {
  const models = [{ id: "m" }];
  const provider = { baseUrl: `http://127.0.0.1:${port}/v1`, api: "openai-completions", apiKey: "k", models };
  writeFileSync(join(place.agentDir, "models.json"), JSON.stringify({ providers: { local: provider } }));
  writeFileSync(join(place.agentDir, "settings.json"), JSON.stringify({ retry: { enabled: false } }));
}

/** A provider that answers everything with the status that was set. */
async function failingProvider(t: TestContext) {
  const provider = { status: 500, port: 0 };
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(provider.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: `status ${provider.status} on purpose` } }));
  });
  t.after(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  provider.port = (server.address() as AddressInfo).port;
  return provider;
}

describe("retryable", () => {
  it("is true for what passes by itself at a provider, and false for what doesn't", async (t) => {
    const place = workspace(t);
    const provider = await failingProvider(t);
    useProvider(place, provider.port);
    const errorOf = async () =>
      (await place.json<{ error: object }>(["prompt", "--model", "local/m", "hi"])).error as Record<
        string,
        unknown
      >;
    for (const [status, retryable] of [
      [503, true],
      [429, true],
      [401, false],
      [400, false],
    ] as const) {
      provider.status = status;
      const { code, message, retryable: told } = await errorOf();
      assert.deepEqual([code, told], ["TURN_FAILED", retryable], `${status}: ${message}`);
    }
    // Port 1 is nobody's.
    useProvider(place, 1);
    const refused = await place.json<{ error: Record<string, unknown> }>([
      ...["prompt", "--new", "--model", "local/m", "hi"],
    ]);
    assert.deepEqual([refused.error.code, refused.error.retryable], ["TURN_FAILED", true]);
    const { stdout } = await place.run(["prompt", "--format", "stream-json", "hi"]);
    const records = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(records.find(({ type }) => type === "error")?.retryable, true);
  });
});
