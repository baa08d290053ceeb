import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { loadConfig } from "../../../../src/lib/core/config.ts";
import { PictlError } from "../../../../src/lib/core/errors.ts";
import { Registry } from "../../../../src/lib/session/registry.ts";
import { Sessions } from "../../../../src/lib/session/sessions.ts";

const OLD_ID = "0199b1d2-0000-7000-8000-000000000001";

/** A registry on a disk that is full while the test says so. */
class FullRegistry extends Registry {
  isFull = false;

  override put(...args: Parameters<Registry["put"]>): void {
    this.#refuse();
    super.put(...args);
  }

  override delete(id: string): void {
    this.#refuse();
    super.delete(id);
  }

  override setCurrent(...args: Parameters<Registry["setCurrent"]>): void {
    this.#refuse();
    super.setCurrent(...args);
  }

  override putCache(...args: Parameters<Registry["putCache"]>): void {
    this.#refuse();
    super.putCache(...args);
  }

  #refuse(): void {
    if (this.isFull) throw new PictlError("STORAGE_UNAVAILABLE", "the disk is full");
  }
}

describe("Sessions on a full disk", () => {
  let root: string;
  let registry: FullRegistry;
  let sessions: Sessions;
  let errors: string[];
  const caller = () => ({ environment: { PI_CODING_AGENT_DIR: join(root, "pi"), HOME: root } });

  beforeEach(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-sessions-")));
    const directory = join(root, "pi", "sessions", `--${root.slice(1).replaceAll("/", "-")}--`);
    mkdirSync(directory, { recursive: true });
    const header = { type: "session", version: 3, id: OLD_ID, timestamp: "2026-01-01T00:00:00Z", cwd: root };
    writeFileSync(join(directory, `2026-01-01_${OLD_ID}.jsonl`), `${JSON.stringify(header)}\n`);
    registry = new FullRegistry(join(root, "registry.db"));
    sessions = await open();
  });
  afterEach(() => {
    registry.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function open(): Promise<Sessions> {
    errors = [];
    const quiet = () => undefined;
    return new Sessions({
      registry,
      // Only what the requests of these tests reach.
      starter: {
        environmentOf: () => caller().environment,
        agentPlaces: () => [],
        settled: async () => undefined,
      } as never,
      config: await loadConfig(join(root, "none.toml")),
      configFile: join(root, "none.toml"),
      log: { debug: quiet, info: quiet, warn: quiet, error: (message) => errors.push(message) },
      place: { runtimeDir: root },
    });
  }

  test("are listed and found, also those that only pi knows", () => {
    registry.isFull = true;
    assert.deepEqual(
      sessions.list(root, caller()).map(({ id }) => id),
      [OLD_ID],
    );
    assert.equal(sessions.find({ sessionId: OLD_ID }, caller()).id, OLD_ID);
    assert.throws(() => sessions.find({ sessionId: "nope" }, caller()), { code: "SESSION_NOT_FOUND" });
  });

  test("one that can't be created isn't there afterwards", () => {
    registry.isFull = true;
    assert.throws(() => sessions.create({ cwd: root, name: "mine" }, caller()), {
      code: "STORAGE_UNAVAILABLE",
    });
    assert.deepEqual(sessions.all(), []);
  });

  test("what could not be saved is saved later: the end of a turn, the current session, a deletion", async () => {
    const [kept, gone] = [sessions.create({ cwd: root }, caller()), sessions.create({ cwd: root }, caller())];
    Object.assign(kept.record, { openTurn: "t1" });
    sessions.save(kept.record);
    registry.isFull = true;
    delete kept.record.openTurn;
    sessions.save(kept.record);
    sessions.makeCurrent(kept);
    assert.equal(sessions.current({ cwd: root }, caller()), kept);
    sessions.forget(gone);
    assert.ok(errors.length > 0, "nothing was logged");
    assert.equal(registry.all().find(({ id }) => id === kept.id)?.openTurn, "t1");
    registry.isFull = false;
    await sessions.endAgents();
    assert.deepEqual(
      registry.all().map(({ id, openTurn }) => [id, openTurn]),
      [[kept.id, undefined]],
    );
    assert.equal(registry.getCurrent(kept.record.agentDir, root), kept.id);
  });
});
