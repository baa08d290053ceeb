import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { PictlError } from "../../src/lib/core/errors.ts";
import type { SessionInfo } from "../../src/lib/protocol/session.ts";
import { seededRandom } from "../support/random.ts";
import { WatchedFile } from "../support/session-file.ts";
import { LONG, scaled } from "../support/speed.ts";
import { type Result, type Running, Workspace } from "../support/workspace.ts";

/** Points in all, at least one of each kind; each place does its share of them one after the other. */
const KILLS = Number(process.env.PICTL_TEST_KILLS ?? (LONG ? 200 : 12));
const PLACES = LONG ? 4 : 1;
const SEED = Number(process.env.PICTL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const LINUX = process.platform === "linux" ? false : "only Linux shows another process's environment";
/** A command whose daemon was killed says so and ends. */
const END_WITHIN_MS = scaled(15_000);
const CONNECTION_LOST = 9;

/** What a session must be found as. */
interface Known {
  id: string;
  cwd: string;
  /** More than one while a change was under way that nobody has answered for. */
  names: (string | undefined)[];
  /** Undefined: pi had made it, and pictl had not taken it in yet. */
  options: Record<string, unknown> | undefined;
  model: string;
  file?: WatchedFile;
}

/** What was going on when the daemon was killed. */
interface Moment {
  what: string;
  running: Running | undefined;
  /** Called once the command has ended. */
  settle: (result: Result) => void;
  /** The session whose turn may have been cut. */
  prompted?: Known;
}

/** One place whose daemon is killed again and again. */
class KilledPlace {
  readonly place = new Workspace();
  readonly #random: () => number;
  readonly #sessions = new Map<string, Known>();
  #current: (string | undefined)[] = [];
  #count = 0;
  /** How long the last command took that also started a daemon (ms): the machine's pace, which other tests share. */
  #pace = 200;
  readonly history: string[] = [];
  /** How many commands of each kind ended with which code. */
  readonly ends = new Map<string, number>();

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  async prepare(): Promise<void> {
    const { place } = this;
    // Parks between two points, where nothing is prompted.
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, '[limits]\npark_after = "400ms"\n');
    await place.ok(["daemon", "start"]);
    // Else pi finds nothing to compact in so short a session.
    writeFileSync(join(place.agentDir, "settings.json"), '{"compaction":{"keepRecentTokens":5}}');
    const streaming = [{ repeat: { text: "word ", times: 100, delayMs: 5 } }, { text: "end of the answer" }];
    const tool = [
      [{ text: "A tool: " }, { tool: "bash", args: { command: "echo begun; sleep 0.3; echo ended" } }],
      [{ text: "end of the answer" }],
    ];
    // More replies than there are prompts.
    const scenarios = { stream: [streaming], tool };
    for (const [name, replies] of Object.entries(scenarios)) {
      const path = join(place.root, `${name}.json`);
      const responses = Array.from({ length: 2 * KILLS }, () => replies).flat();
      writeFileSync(path, JSON.stringify({ responses }));
      const options = { model: `scripted/${path}`, thinking: "low" as const, tools: "read,bash" };
      const { sessionId: id } = await place.ask("create_session", { cwd: place.cwd, name, options });
      await place.turn({ sessionId: id, message: "begin" });
      this.#sessions.set(id, { id, cwd: place.cwd, names: [name], options, model: `scripted/${path}` });
      this.#current = [id];
    }
    await this.#check(undefined, undefined, new Set());
  }

  /** Does something, kills the daemon in the middle of it, and looks what is left. */
  async killOnce(kind: string): Promise<void> {
    this.#count += 1;
    const delay = this.#random();
    this.history.push(`${this.#count}. ${kind} at ${delay.toFixed(3)}`);
    const moment = await this.#moments[kind]?.(delay);
    if (moment === undefined) throw new Error(`no moment ${kind}`);
    const killed = await this.#kill();
    for (const { file } of this.#sessions.values()) file?.remember();
    const result = await this.#end(moment);
    if (result !== undefined) moment.settle(result);
    const how = `${kind}: ${result?.code ?? "nothing ran"}`;
    this.ends.set(how, (this.ends.get(how) ?? 0) + 1);
    await this.#check(moment, result, killed);
  }

  get kinds(): string[] {
    return Object.keys(this.#moments);
  }

  /** How each kind of moment is come to; `at` is between 0 and 1, and says how far into it. */
  readonly #moments: Record<string, (at: number) => Promise<Moment>> = {
    "daemon starting": async (at) => {
      await this.#kill();
      const running = this.place.start(["session", "list"]);
      await this.#into(at, 1);
      return { what: "a start", running, settle: () => undefined };
    },
    "agent starting": (at) => this.#prompt((_running) => this.#into(at, 3)),
    "prompt accepted": (at) =>
      this.#prompt(async (running) => {
        await running.until("stdout", '"type":"turn_started"');
        await this.#after(at * 10);
      }),
    streaming: (at) =>
      this.#prompt(async (running) => {
        await running.until("stdout", '"type":"text"');
        await this.#after(at * 250);
      }),
    "tool running": (at) =>
      this.#prompt(async (running) => {
        await running.until("stdout", '"type":"tool"');
        await this.#after(at * 350);
      }, "tool"),
    "a turn that ends": (at) =>
      this.#prompt(async (running) => {
        await running.until("stdout", "end of");
        await this.#after(at * 5);
      }, "stream"),
    compacting: async (at) => {
      const running = this.place.start(["session", "compact", this.#one().id]);
      await this.#into(at, 4);
      return { what: "a compaction", running, settle: () => undefined };
    },
    branching: async (at) => {
      // One that has something to branch from.
      const parent = this.#oneNamed(at < 0.25 || at > 0.75 ? "stream" : "tool");
      const how = at < 0.5 ? ["clone", parent.id] : ["fork", parent.id, "--at", "1"];
      const name = `branch ${this.#count}`;
      const running = this.place.start(["session", ...how, "--name", name]);
      await this.#into((at * 2) % 1, 5);
      return {
        what: how.join(" "),
        running,
        settle: ({ stdout, code }) => {
          if (code === 0) this.#made(stdout.trim(), name, parent.options, parent.model);
        },
      };
    },
    renaming: async (at) => {
      const session = this.#one();
      const name = `name ${this.#count}`;
      const running = this.place.start(["session", "rename", "-s", session.id, name]);
      await this.#into(at, 3.5);
      return {
        what: `rename ${session.id} to ${name}`,
        running,
        settle: ({ code }) => {
          session.names = code === 0 ? [name] : [...session.names, name];
        },
      };
    },
    creating: async (at) => {
      const name = `made ${this.#count}`;
      const options = { model: "scripted/echo", excludeTools: "write" };
      const args = ["--name", name, "--model", "scripted/echo", "--exclude-tools", "write"];
      const running = this.place.start(["session", "create", ...args]);
      await this.#into(at, 3.5);
      return {
        what: `create ${name}`,
        running,
        settle: ({ stdout, code }) => {
          if (code !== 0) return;
          this.#made(stdout.trim(), name, options, "scripted/echo");
          this.#current = [stdout.trim()];
        },
      };
    },
    parking: async (at) => {
      const session = this.#one();
      // A branch that was cut is a file alone, whose scenario is refused until somebody asks for it.
      await this.place
        .turn({ sessionId: session.id, message: "before parking" })
        .catch((error: PictlError) => assert.equal(error.code, "MODEL_UNAVAILABLE", String(error)));
      await this.#after(350 + at * 150);
      return { what: "parking", running: undefined, settle: () => undefined };
    },
    closing: async (at) => {
      const session = this.#one();
      await this.place.run(["session", "stats", session.id]);
      const running = this.place.start(["session", "close", session.id]);
      await this.#into(at, 0.6);
      return { what: "closing", running, settle: () => undefined };
    },
  };

  async #prompt(until: (running: Running) => Promise<void>, kind?: string): Promise<Moment> {
    const session = kind === undefined ? this.#one() : this.#oneNamed(kind);
    const args = ["prompt", "-s", session.id, "--format", "stream-json", `prompt ${this.#count}`];
    const running = this.place.start(args);
    // It may have ended before it came to the point: then the daemon is killed after it.
    await until(running).catch(() => undefined);
    return { what: `a prompt to ${session.id}`, running, settle: () => undefined, prompted: session };
  }

  #one(): Known {
    const all = [...this.#sessions.values()];
    return all[Math.floor(this.#random() * all.length)] ?? assert.fail("no session");
  }

  /** The session that plays this scenario, whatever it is called by now. */
  #oneNamed(scenario: string): Known {
    const found = [...this.#sessions.values()].find(({ model }) => model.endsWith(`${scenario}.json`));
    return found ?? assert.fail(`no session of ${scenario}`);
  }

  #made(id: string, name: string, options: Known["options"], model: string): void {
    this.#sessions.set(id, { id, cwd: this.place.cwd, names: [name], options, model });
  }

  /** A moment in the life of a command, from before it has connected up to some times its whole start. */
  async #into(at: number, times: number): Promise<void> {
    await this.#after(this.#pace * (0.2 + at * times));
  }

  async #after(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  #daemons(): number[] {
    return this.place.processes().flatMap(({ pid, command }) => (/daemon\/main/.test(command) ? [pid] : []));
  }

  /** @returns the daemons that were killed */
  async #kill(): Promise<Set<number>> {
    let daemons = this.#daemons();
    // Not started yet: then at its very beginning.
    for (let looks = 0; daemons.length === 0 && looks < 200; looks++) {
      await this.#after(2);
      daemons = this.#daemons();
    }
    for (const pid of daemons) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // One that lost the race for the place ends by itself.
      }
    }
    return new Set(daemons);
  }

  async #end({ running, what }: Moment): Promise<Result | undefined> {
    if (running === undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${what} did not end\n${running.transcript()}`)),
        END_WITHIN_MS,
      );
    });
    const result = await Promise.race([running.done, late]);
    clearTimeout(timer);
    assert.ok(result.code !== 1 && result.code !== null, `${what} ended badly\n${running.transcript()}`);
    return result;
  }

  /** The next command finds everything. */
  async #check(moment: Moment | undefined, result: Result | undefined, killed: Set<number>): Promise<void> {
    const begun = performance.now();
    const { sessions } = await this.place.json<{ sessions: SessionInfo[] }>(["session", "list", "--all"]);
    this.#pace = Math.min(performance.now() - begun, 2_000);
    this.#checkRegistry();
    this.#checkNothingOrphaned(killed);
    const found = new Map(sessions.map((session) => [session.id, session]));
    for (const known of this.#sessions.values()) {
      const session = found.get(known.id) ?? assert.fail(`session ${known.id} (${known.names}) is gone`);
      this.#checkSession(known, session);
      // A command that the kill came too early for has started the next daemon, and done its work there.
      if (moment !== undefined && (result === undefined || result.code === CONNECTION_LOST))
        assert.ok(["parked", "stopped"].includes(session.state), `${known.id} is ${session.state}`);
    }
    this.#takeInNew(sessions);
    const current = sessions.filter((session) => session.current).map(({ id }) => id);
    assert.equal(current.length, 1, `current sessions: ${current}`);
    if (!this.#current.includes(current[0])) {
      assert.match(moment?.what ?? "", /^create /, `${current[0]} has become current`);
    }
    this.#current = current;
    if (moment?.prompted !== undefined && result !== undefined) {
      this.#checkTurn(found.get(moment.prompted.id), moment.prompted, result);
    }
  }

  #checkSession(known: Known, session: SessionInfo): void {
    assert.ok(
      known.names.includes(session.name),
      `${known.id} is called ${session.name}, not ${known.names}`,
    );
    known.names = [session.name];
    assert.equal(session.cwd, known.cwd);
    if (session.file !== undefined) known.file ??= new WatchedFile(session.file);
    known.file?.check();
  }

  /** What was made without anybody having been answered is there whole, or not at all. */
  #takeInNew(sessions: readonly SessionInfo[]): void {
    for (const { id, name, model, cwd } of sessions) {
      if (this.#sessions.has(id)) continue;
      assert.equal(cwd, this.place.cwd);
      this.#sessions.set(id, { id, cwd, names: [name], options: this.#optionsOf(id), model: model ?? "" });
    }
  }

  #checkTurn(session: SessionInfo | undefined, known: Known, { stdout }: Result): void {
    const began = stdout.includes('"type":"turn_started"');
    const ended = stdout.includes('"type":"turn_ended"');
    if (ended)
      assert.notEqual(session?.interrupted, true, `a turn that has ended is shown as cut\n${stdout}`);
    if (!began || ended || session?.interrupted) return;
    // Nobody was told of its end, but it had ended.
    const last = known.file
      ?.check()
      .findLast(({ type, message }) => type === "message" && message?.role !== undefined);
    assert.equal(last?.message?.stopReason, "stop", `a turn that was cut is not shown as cut\n${stdout}`);
  }

  #checkRegistry(): void {
    const db = new DatabaseSync(this.place.paths.registry, { readOnly: true });
    try {
      assert.deepEqual({ ...db.prepare("PRAGMA quick_check").get() }, { quick_check: "ok" });
      for (const { id, options } of this.#sessions.values())
        if (options !== undefined) assert.deepEqual(optionsIn(db, id), options, id);
    } finally {
      db.close();
    }
  }

  #optionsOf(id: string): Record<string, unknown> | undefined {
    const db = new DatabaseSync(this.place.paths.registry, { readOnly: true });
    try {
      return optionsIn(db, id);
    } finally {
      db.close();
    }
  }

  #checkNothingOrphaned(killed: Set<number>): void {
    const orphans = this.place.processes().filter(({ pid }) => {
      const of = /PICTL_DAEMON_PID=(\d+)/.exec(environmentOf(pid))?.[1];
      return killed.has(pid) || (of !== undefined && killed.has(Number(of)));
    });
    assert.deepEqual(orphans, []);
  }
}

/** As many kinds as there are points, in a random order in which none comes again before all others have come. */
function dealKinds(kinds: readonly string[]): string[] {
  const random = seededRandom(SEED);
  const dealt: string[] = [];
  while (dealt.length < KILLS) {
    const left = [...kinds];
    while (left.length > 0) dealt.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return dealt.slice(0, KILLS);
}

function optionsIn(db: DatabaseSync, id: string): Record<string, unknown> | undefined {
  const row = db.prepare("SELECT record FROM sessions WHERE id = ?").get(id) as
    | { record: string }
    | undefined;
  return row && (JSON.parse(row.record) as { options: Record<string, unknown> }).options;
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

describe("a daemon that is killed at any point", { skip: LINUX }, () => {
  it(`loses nothing at ${KILLS} random points`, { timeout: scaled(LONG ? 600_000 : 200_000) }, async (t) => {
    const places = Array.from({ length: PLACES }, (_, index) => new KilledPlace(SEED + index));
    const dealt = dealKinds(places[0]?.kinds ?? []);
    const failed = new AbortController();
    const outcomes = await Promise.allSettled(
      places.map(async (each, place) => {
        try {
          await each.prepare();
          for (const [point, kind] of dealt.entries()) {
            if (point % PLACES === place && !failed.signal.aborted) await each.killOnce(kind);
          }
        } catch (error) {
          failed.abort();
          throw new Error(
            `with PICTL_TEST_SEED=${SEED}, after\n${each.history.slice(-5).join("\n")}\n${each.place.log().slice(-4_000)}`,
            {
              cause: error,
            },
          );
        }
      }),
    );
    await Promise.all(places.map(({ place }) => place.dispose()));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    const ends = new Map<string, number>();
    for (const each of places)
      for (const [how, count] of each.ends) ends.set(how, (ends.get(how) ?? 0) + count);
    t.diagnostic(
      [...ends]
        .map(([how, count]) => `${how} (${count})`)
        .sort()
        .join(", "),
    );
    // A loop that only kills idle daemons would show nothing.
    const cut = [...ends].reduce(
      (sum, [how, count]) => (how.endsWith(`: ${CONNECTION_LOST}`) ? sum + count : sum),
      0,
    );
    assert.ok(cut >= KILLS / 8, `only ${cut} commands were cut by ${KILLS} kills`);
  });
});

describe("a rename that is cut", { skip: LINUX, timeout: scaled(80_000) }, () => {
  let place: Workspace;
  beforeEach(() => {
    place = new Workspace();
  });
  afterEach(() => place.dispose());

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** A session whose agent has been told its new name, and hasn't heard it yet. */
  async function renaming(
    before?: string,
  ): Promise<{ session: SessionInfo; agent: number; daemon: number; cut: Running }> {
    mkdirSync(place.paths.configDir, { recursive: true });
    writeFileSync(place.paths.config, '[daemon]\nlog_level = "debug"\n');
    await place.ok(["prompt", "--new", "--model", "scripted/echo", "hi"]);
    if (before !== undefined) await place.ask("set_session_name", { cwd: place.cwd, name: before });
    const { session } = await place.ask("get_session", { cwd: place.cwd });
    const [agent, daemon] = [session.agentPid, place.daemonPid()];
    assert.ok(agent && daemon && session.file);
    const renames = () => place.log().split("set_session_name").length;
    const sent = renames();
    process.kill(agent, "SIGSTOP");
    const cut = place.start(["session", "rename", "the new name"]);
    await until(() => renames() > sent);
    // It was logged in the same step in which it was sent, which is over when the daemon answers something else.
    await place.ask("get_daemon_status", {});
    return { session, agent, daemon, cut };
  }

  async function isCalled(session: SessionInfo, name: string | undefined, other: string): Promise<void> {
    // Asked for first: a listing would put right what is remembered of it.
    const none = await place.run(["session", "show", other]);
    assert.equal(none.code, 4, none.stdout);
    const target = { cwd: place.cwd, sessionId: name ?? session.id };
    const { text } = await place.turn({ ...target, message: "still there?" });
    assert.match(text, /still there\?.*the first was: hi/);
    const { sessions } = await place.ask("list_sessions", { cwd: place.cwd });
    assert.deepEqual(
      sessions.map((each) => [each.id, each.name]),
      [[session.id, name]],
    );
  }

  it("between pi and the registry has happened: pi's file has the last word", async () => {
    const { session, agent, daemon, cut } = await renaming("the old name");
    process.kill(daemon, "SIGSTOP");
    process.kill(agent, "SIGCONT");
    await until(() => readFileSync(session.file ?? "", "utf8").includes("the new name"));
    process.kill(daemon, "SIGKILL");
    assert.equal((await cut.done).code, CONNECTION_LOST);
    await isCalled(session, "the new name", "the old name");
  });

  it("before pi has heard of it has not happened", async () => {
    const { session, agent, daemon, cut } = await renaming();
    for (const pid of [daemon, agent]) process.kill(pid, "SIGKILL");
    assert.equal((await cut.done).code, CONNECTION_LOST);
    await isCalled(session, undefined, "the new name");
  });
});
