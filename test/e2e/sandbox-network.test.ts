import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { WITHOUT_BUBBLEWRAP } from "../support/bubblewrap.ts";
import { ModelServer } from "../support/model-server.ts";
import { Workspace } from "../support/workspace.ts";

const KEY = "sk-the-real-key-of-this-test-4711-0815";
/** Tries what the network of a sandbox forbids, and shows what it has. */
const ATTEMPTS = [
  "env; cat /proc/self/environ",
  'cat "$PI_CODING_AGENT_DIR"/*.json',
  'node -e \'fetch("http://example.com/").then(async (r) => console.log("STATUS", r.status, await r.text()), (e) => console.log("ERROR", e.message))\'',
  'node -e \'require("net").connect(PORT, "127.0.0.1").on("connect", () => console.log(["REA", "CHED"].join(""))).on("error", (e) => console.log(e.code))\'',
  "echo from the sandbox > made.txt; ls ~/.ssh",
];

describe("the network of a session in a sandbox", { skip: WITHOUT_BUBBLEWRAP }, () => {
  let place: Workspace;
  let model: ModelServer | undefined;
  beforeEach(() => {
    place = new Workspace();
    place.shareCompileCache();
    execFileSync("git", ["init", "-q", place.cwd]);
  });
  afterEach(async () => {
    model?.close();
    model = undefined;
    await place.dispose();
  });

  async function provider(commands: string[], apiKey = "$MY_PROVIDER_KEY"): Promise<ModelServer> {
    const server = await ModelServer.start({ commands, text: "Answered from outside." });
    model = server;
    const models = {
      providers: {
        local: {
          baseUrl: `http://127.0.0.1:${server.port}/v1`,
          api: "openai-completions",
          apiKey,
          models: [{ id: "m" }],
        },
      },
    };
    writeFileSync(join(place.agentDir, "models.json"), JSON.stringify(models));
    return server;
  }

  const strict = ["prompt", "--sandbox", "strict", "--model", "local/m", "go"];
  const env = { MY_PROVIDER_KEY: KEY };

  it("answers through the gate, and the key is nowhere inside", async (t) => {
    const onHost = await ModelServer.start({ commands: [], text: "not through the gate" });
    t.after(() => onHost.close());
    const other = await provider(ATTEMPTS.map((command) => command.replace("PORT", String(onHost.port))));
    const attempts = ATTEMPTS.length;
    assert.match(await place.ok(strict, { env }), /Answered from outside/);
    assert.equal(other.requests.length, attempts + 1);
    for (const { headers } of other.requests) assert.equal(headers.authorization, `Bearer ${KEY}`);
    assert.equal(readFileSync(join(place.cwd, "made.txt"), "utf8"), "from the sandbox\n");

    const transcript = await place.ok(["session", "messages"]);
    assert.match(transcript, /ERROR fetch failed/);
    assert.match(transcript, /ECONNREFUSED/);
    assert.doesNotMatch(transcript, /REACHED/);
    assert.doesNotMatch(transcript, new RegExp(KEY));

    const { agentPid, id } = (await place.ask("get_session", { cwd: place.cwd })).session;
    assert.ok(agentPid);
    assert.equal(memoryHolds(agentPid, "Answered from outside"), true, "the memory can be looked at");
    assert.equal(memoryHolds(agentPid, KEY), false);
    assert.doesNotMatch(readFileSync(`/proc/${agentPid}/environ`, "utf8"), new RegExp(KEY));
    for (const path of filesBelow(place.root)) assert.ok(!readFileSync(path).includes(KEY), path);

    const log = await place.json<{
      records: { host: string; verdict: string; session?: string; provider?: string }[];
    }>(["sandbox", "log"]);
    assert.ok(log.records.some(({ host, verdict }) => host === "example.com" && verdict === "refused"));
    const answered = log.records.filter(
      ({ provider, verdict }) => provider === "local" && verdict === "allowed",
    );
    assert.equal(answered.length, attempts + 1);
    assert.ok(answered.every(({ session }) => session === id));
  });

  it("minimal shares the host's network, and has no key either", async () => {
    const server = await provider(["env; cat $PI_CODING_AGENT_DIR/*.json"]);
    assert.match(
      await place.ok(["prompt", "--sandbox", "minimal", "--model", "local/m", "go"], { env }),
      /Answered from outside/,
    );
    assert.equal(server.requests.at(-1)?.headers.authorization, `Bearer ${KEY}`);
    assert.doesNotMatch(await place.ok(["session", "messages"]), new RegExp(KEY));
  });

  it("none: not even the model's host can be reached", async () => {
    await provider([]);
    const file = join(place.paths.configDir, "sandbox.toml");
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(file, 'network = "none"\n');
    const { code } = await place.run(strict, { env });
    assert.notEqual(code, 0);
    assert.equal(model?.requests.length, 0);
  });

  it("a provider that can't be served so is refused with the reason; its variables are let in only where the user's file says so, and others that look secret where that names them", async () => {
    const aws = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: KEY, AWS_REGION: "eu-west-1" };
    const model = ["--sandbox", "strict", "--model", "amazon-bedrock/amazon.nova-lite-v1:0"];
    const { code, stderr } = await place.run(["prompt", ...model, "go"], { env: aws });
    assert.equal(code, 7);
    assert.match(stderr, /amazon-bedrock/);
    assert.doesNotMatch(stderr, new RegExp(KEY));

    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(
      join(place.paths.configDir, "sandbox.toml"),
      'profile = "strict"\nenv = ["FOO_TOKEN", "OPENAI_API_KEY", "MODEL_VARIABLE"]\nexpose_credentials = ["amazon-bedrock"]\n',
    );
    const models = {
      providers: { own: { baseUrl: "http://127.0.0.1:1", apiKey: "$MODEL_VARIABLE", models: [] } },
    };
    writeFileSync(join(place.agentDir, "models.json"), JSON.stringify(models));
    const shell = { ...aws, FOO_TOKEN: "wanted", BAR_TOKEN: "a", OPENAI_API_KEY: "b", MODEL_VARIABLE: "c" };
    await place.run(["session", "create", ...model], { env: shell });
    for (const [command, env] of [
      [["session", "bash", "env"], {}],
      [["sandbox", "run", "--profile", "strict", "--", "env"], shell],
    ] as const) {
      const seen = await place.ok(command, { env });
      assert.match(seen, /FOO_TOKEN=wanted/);
      assert.doesNotMatch(seen, /BAR_TOKEN|OPENAI_API_KEY|MODEL_VARIABLE/);
      if (command[0] === "session") assert.match(seen, new RegExp(`AWS_SECRET_ACCESS_KEY=${KEY}`));
    }
  });

  it("another provider's model gets an agent of its own, and no key from a command that an agent planted", async () => {
    const server = await provider([], "!print-key");
    const [own, planted] = [join(place.root, "bin"), join(place.cwd, ".venv/bin")];
    for (const [bin, key] of [
      [own, KEY],
      [planted, "planted"],
    ] as const) {
      mkdirSync(bin, { recursive: true });
      writeFileSync(join(bin, "print-key"), `#!/bin/sh\necho ${key}\n`, { mode: 0o755 });
    }
    const env = { PATH: `${planted}:${own}:${process.env.PATH}` };
    await place.ok(["prompt", "--sandbox", "strict", "--model", "scripted/echo", "hi"], { env });
    assert.match(
      await place.ok(["prompt", "--model", "local/m", "now you"], { env }),
      /Answered from outside/,
    );
    assert.equal(server.requests.at(-1)?.headers.authorization, `Bearer ${KEY}`);
  });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}

/** Whether a text stands in what a process can write of its memory, in one of Node's two encodings. */
function memoryHolds(pid: number, text: string): boolean {
  const wanted = [Buffer.from(text, "latin1"), Buffer.from(text, "utf16le")];
  const file = openSync(`/proc/${pid}/mem`, "r");
  try {
    return regions(pid).some(({ from, to }) => {
      const bytes = Buffer.alloc(to - from);
      try {
        readSync(file, bytes, 0, bytes.length, from);
      } catch {
        // A mapping that can't be read, such as [vvar].
        return false;
      }
      return wanted.some((each) => bytes.includes(each));
    });
  } finally {
    closeSync(file);
  }
}

function regions(pid: number): { from: number; to: number }[] {
  return readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      return from === undefined || to === undefined
        ? []
        : [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
    })
    .filter(({ from, to }) => to - from < 512 * 1024 * 1024);
}
