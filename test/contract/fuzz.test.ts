import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { ensurePrivateDir, resolvePaths } from "../../src/lib/core/paths.ts";
import { startDaemon } from "../../src/lib/daemon/start.ts";
import { hostileFrames } from "../support/hostile-records.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { LONG, scaled } from "../support/speed.ts";
import type { Json } from "../support/streams.ts";

const INSTANT_PI = fileURLToPath(new URL("../fixtures/pi/instant.js", import.meta.url));
/** None of a rate: this many requests within seconds are what is wanted here. */
const LIMITS = `[limits]
max_live_agents = 4
max_requests_per_minute = 1000000000
max_session_requests_per_minute = 1000000000
`;
/** Four connections a run: 104,000 records in the long form, a fifth of that otherwise. */
const RUNS = LONG ? 130 : 26;
const CONNECTIONS = 4;
const FRAMES = 200;
/** Runs after which caches are as full as they become. */
const WARM_UP_RUNS = LONG ? 40 : 10;
/** What the heap may grow by after that: one leaked object a record would be more than twice this. */
const MAX_HEAP_GROWTH = (LONG ? 12 : 1) * 1024 * 1024;
/** Answers come within milliseconds; this only ends a test that would hang. */
const ANSWER_TIMEOUT_MS = scaled(60_000);

/** What one connection has asked and not been answered yet. */
class Ledger {
  readonly #open = new Map<string, number>();
  readonly #nonces = new Set<string>();
  readonly wrong: string[] = [];

  sent(frame: Buffer): void {
    const { id, command } = expectedAnswer(frame);
    // Some of these never end: nothing asks, so nobody answers.
    if (command === "wait") return;
    this.#add(`${id}\0${command}`, 1);
  }

  /** A record whose answer repeats it. */
  sentNonce(nonce: string): void {
    this.#nonces.add(nonce);
  }

  received(record: Json): void {
    if (record.type !== "response" || record.command === "wait") return;
    const key = `${record.id}\0${record.command}`;
    if (!this.#open.has(key)) this.wrong.push(JSON.stringify(record));
    else this.#add(key, -1);
    const nonce = (record.data as { echo?: { nonce?: string } } | undefined)?.echo?.nonce;
    if (nonce !== undefined && !this.#nonces.delete(nonce)) this.wrong.push(`not ours: ${nonce}`);
  }

  get isSettled(): boolean {
    return this.#open.size === 0;
  }

  get open(): string[] {
    return [...this.#open].map(([key, count]) => `${count} × ${JSON.stringify(key)}`);
  }

  #add(key: string, by: number): void {
    const count = (this.#open.get(key) ?? 0) + by;
    if (count === 0) this.#open.delete(key);
    else this.#open.set(key, count);
  }
}

/** The `id` and `command` that docs/protocol.md promises for the answer to a frame. */
function expectedAnswer(frame: Buffer): { id: string | undefined; command: string } {
  let record: unknown;
  try {
    record = JSON.parse(frame.toString());
  } catch {
    return { id: undefined, command: "unknown" };
  }
  if (typeof record !== "object" || record === null || Array.isArray(record))
    return { id: undefined, command: "unknown" };
  const { id, type } = record as Json;
  const ownId = typeof id === "string" && [...id].length <= 200 ? id : undefined;
  const valid =
    typeof type === "string" && [...type].length <= 100 && (ownId !== undefined || id === undefined);
  return { id: ownId, command: valid ? type : "unknown" };
}

describe("a daemon under fuzzed records", () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-fuzz-")));
  const paths = resolvePaths({ PICTL_HOME: root });
  const work = join(root, "work");
  const environment = {
    PATH: process.env.PATH,
    HOME: root,
    PICTL_HOME: root,
    PI_CODING_AGENT_DIR: join(root, "pi"),
    PICTL_PI: INSTANT_PI,
  };
  /** Ids: names change under this test. */
  const sessions: string[] = [];
  let daemon: Promise<void>;
  const warnings: string[] = [];
  const onWarning = (warning: Error) => {
    if (warning.name !== "ExperimentalWarning") warnings.push(String(warning.stack));
  };
  const collect = (() => {
    setFlagsFromString("--expose-gc");
    return runInNewContext("gc") as () => void;
  })();

  before(async () => {
    for (const dir of [work, paths.configDir]) mkdirSync(dir, { recursive: true });
    ensurePrivateDir(paths.runtimeDir);
    ensurePrivateDir(paths.stateDir);
    writeFileSync(paths.config, LIMITS);
    process.on("warning", onWarning);
    await new Promise<void>((resolve, reject) => {
      daemon = startDaemon(paths, { foreground: false, onListening: resolve });
      daemon.catch(reject);
    });
    const control = await RawConnection.open(paths.socket, environment);
    for (const id of ["1", "2", "3"]) {
      const answer = await control.ask({ id, type: "create_session", cwd: work, name: `fuzz${id}` });
      assert.equal(answer.success, true, JSON.stringify(answer));
      sessions.push((answer.data as { sessionId: string }).sessionId);
    }
    await control.destroy();
  });

  after(async () => {
    const control = await RawConnection.open(paths.socket, environment);
    await control.ask({ id: "stop", type: "stop_daemon", now: true });
    await daemon;
    await control.closed;
    process.off("warning", onWarning);
    rmSync(root, { recursive: true, force: true });
  });

  /** Sends the frames in pieces of a size that cuts them anywhere, and waits until all are answered. */
  async function attack(frames: readonly Buffer[], pieceBytes: number, leaves: boolean, nonce: string) {
    const ledger = new Ledger();
    const { promise, resolve } = Promise.withResolvers<void>();
    let allSent = false;
    const connection = await RawConnection.open(paths.socket, environment, (record) => {
      ledger.received(record);
      if (allSent && ledger.isSettled) resolve();
    });
    const mark = { id: "mark", type: "get_state", sessionId: sessions[0], nonce };
    ledger.sentNonce(nonce);
    const all = [...frames, Buffer.from(JSON.stringify(mark))];
    for (const frame of all) ledger.sent(frame);
    const bytes = Buffer.concat(all.flatMap((frame) => [frame, Buffer.from("\n")]));
    const end = leaves ? Math.floor(bytes.length / 2) : bytes.length;
    for (let at = 0; at < end && !connection.socket.destroyed; at += pieceBytes) {
      const piece = bytes.subarray(at, Math.min(end, at + pieceBytes));
      // One by one: Node joins those that wait.
      await new Promise((resolve) => connection.socket.write(piece, resolve));
    }
    allSent = true;
    if (!leaves) await bounded(Promise.race([promise, connection.closed]), ANSWER_TIMEOUT_MS);
    await connection.destroy();
    assert.deepEqual(ledger.wrong, [], "answers that nobody asked for, or asked for once");
    if (!leaves) assert.deepEqual(ledger.open, [], "requests without an answer");
  }

  const open = () => readdirSync("/proc/self/fd").length;

  const promise = `answers each of ${RUNS * CONNECTIONS * FRAMES} once and to whom it belongs, and keeps nothing`;
  test(promise, { timeout: scaled(LONG ? 600_000 : 120_000) }, async () => {
    const frames = fc.array(hostileFrames([...sessions, "fuzz1"], work), {
      minLength: FRAMES,
      maxLength: FRAMES,
    });
    const client = fc.record({
      frames,
      pieceBytes: fc.constantFrom(211, 997, 4096, 65_536),
      leaves: fc.boolean(),
    });
    let run = 0;
    let answered = 0;
    let before: { heap: number; descriptors: number } | undefined;
    const property = fc.asyncProperty(
      fc.array(client, { minLength: CONNECTIONS, maxLength: CONNECTIONS }),
      async (clients) => {
        run += 1;
        // One of four closes in the middle, in every other run.
        const leaving = run % 2;
        await Promise.all(
          clients.map((each, i) =>
            attack(each.frames, each.pieceBytes, each.leaves && i < leaving, `${run}-${i}`),
          ),
        );
        answered += CONNECTIONS * FRAMES;
        if (run === WARM_UP_RUNS) before = await measured();
      },
    );
    // A case can't be shrunk: what failed depends on what the daemon had been asked before.
    const result = await fc.check(property, { numRuns: RUNS, endOnFailure: true, ...seed() });
    if (result.failed) {
      throw new Error(`run ${run}, PICTL_FUZZ_SEED=${result.seed}`, { cause: result.errorInstance });
    }
    const after = await measured();
    assert.ok(before, "enough runs to compare");
    const grown = after.heap - before.heap;
    assert.ok(grown < MAX_HEAP_GROWTH, `the heap grew by ${grown} bytes over ${answered} records`);
    assert.ok(
      after.descriptors <= before.descriptors + 8,
      `${before.descriptors} → ${after.descriptors} descriptors`,
    );
    assert.equal(answered, RUNS * CONNECTIONS * FRAMES);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    assert.deepEqual(warnings, []);
  });

  /** The heap and the open descriptors, when every connection but the asking one has gone. */
  async function measured() {
    const control = await RawConnection.open(paths.socket, environment);
    for (const id of sessions) await control.ask({ id, type: "close_session", sessionId: id });
    for (;;) {
      const { data } = await control.ask({ id: String(Math.random()), type: "get_daemon_status" });
      if ((data as { connections: number }).connections === 1) break;
      control.records.length = 0;
    }
    const descriptors = open();
    await control.destroy();
    collect();
    return { heap: process.memoryUsage().heapUsed, descriptors };
  }

  test("still runs a turn afterwards", async () => {
    const control = await RawConnection.open(paths.socket, environment);
    const [sessionId = ""] = sessions;
    const prompt = { id: "1", type: "prompt", sessionId, message: "still there?", subscribe: true };
    const answer = await control.ask(prompt);
    assert.equal(answer.success, true, JSON.stringify(answer));
    const ended = await control.until(
      ({ type, turn }) => type === "turn" && (turn as Json).state === "ended",
    );
    assert.equal((ended.turn as Json).outcome, "completed");
    await control.destroy();
  });
});

/** `PICTL_FUZZ_SEED` repeats a run that failed; fast-check prints its seed. */
function seed(): { seed?: number } {
  const given = process.env.PICTL_FUZZ_SEED;
  return given === undefined ? {} : { seed: Number(given) };
}

async function bounded(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}
