import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { RawConnection } from "../support/raw-connection.ts";
import { writeSession } from "../support/session-file.ts";
import type { Json } from "../support/streams.ts";
import { Workspace } from "../support/workspace.ts";

const MB = 1024 * 1024;
/** A pi that costs next to nothing, for what never comes to an agent. */
const QUIET_PI = fileURLToPath(new URL("../fixtures/pi/quiet.sh", import.meta.url));
/** An account of no one's, so that nothing has to be added to the system. */
const OTHER_USER = 65_534;
const IS_ROOT = process.getuid?.() === 0;

describe("a hostile client", () => {
  let place: Workspace;
  let open: RawConnection[];

  beforeEach(async () => {
    place = new Workspace();
    open = [];
    await place.ok(["daemon", "start"]);
  });
  afterEach(async () => {
    for (const connection of open) await connection.destroy();
    await place.dispose();
  });

  async function connect(
    environment: Record<string, unknown> | undefined = place.env,
  ): Promise<RawConnection> {
    const connection = await RawConnection.open(place.paths.socket, environment);
    open.push(connection);
    return connection;
  }

  /** A connection whose sessions have no real agent. */
  const connectQuiet = () => connect({ ...place.env, PICTL_PI: QUIET_PI });

  /** A connection that has only connected. */
  async function silent(): Promise<RawConnection> {
    const connection = await RawConnection.open(place.paths.socket);
    open.push(connection);
    return connection;
  }

  const pid = () => place.daemonPid() ?? 0;
  const descriptors = () => readdirSync(`/proc/${pid()}/fd`).length;

  /** Ends when the daemon holds no more than before: it hears of a connection's end only after the connection's client. */
  async function untilReleased(before: number): Promise<void> {
    while (descriptors() > before + 1) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** What the daemon holds of the memory, and the most that it ever held. */
  function memory(): { now: number; peak: number } {
    const status = readFileSync(`/proc/${pid()}/status`, "utf8");
    const bytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
    return { now: bytes("VmRSS"), peak: bytes("VmHWM") };
  }

  function startMeasuringPeak(): number {
    // Resets VmHWM (proc(5)).
    execFileSync("/bin/sh", ["-c", `echo 5 > /proc/${pid()}/clear_refs`]);
    return memory().now;
  }

  const code = (answer: Json) => (answer.error as { code?: string } | undefined)?.code;

  async function stillServes(): Promise<void> {
    const control = await connect();
    const answer = await control.ask({ id: "alive", type: "get_daemon_status" });
    assert.equal((answer.data as { pid: number }).pid, pid(), "the same daemon as before");
    await control.destroy();
  }

  async function session(control: RawConnection, model = "scripted/echo"): Promise<string> {
    const options = { model };
    const answer = await control.ask({ id: "create", type: "create_session", cwd: place.cwd, options });
    return (answer.data as { sessionId: string }).sessionId;
  }

  it("sends half a frame and waits, or leaves", async () => {
    const waiting = await connect();
    waiting.write('{"id":"1","type":"list_ses');
    const leaving = await connect();
    leaving.write('{"id":"1","type":"list_ses');
    await leaving.destroy();
    await stillServes();
    waiting.write('sions"}\n');
    const answer = await waiting.until(({ id }) => id === "1");
    assert.equal(answer.success, true);
  });

  it("connects 1,000 times and says nothing: others are served, and in the end it is shown out", async () => {
    const before = descriptors();
    const many = await Promise.all(Array.from({ length: 1_000 }, () => silent()));
    await stillServes();
    const result = await place.run(["session", "list"]);
    assert.equal(result.code, 0, result.stderr);
    await Promise.all(many.map(({ closed }) => closed));
    await stillServes();
    await untilReleased(before);
  });

  it("says its handshake a byte at a time: it has no longer than others", async (t) => {
    const slow = await silent();
    const timer = setInterval(() => slow.write(" "), 1_000);
    t.after(() => clearInterval(timer));
    await slow.closed;
    await stillServes();
  });

  it("sends 100 MB without a newline, before and after the handshake", async () => {
    for (const connection of [await silent(), await connect()]) {
      const before = startMeasuringPeak();
      const piece = Buffer.alloc(MB, "x");
      for (let sent = 0; sent < 100 && !connection.socket.destroyed; sent++) {
        if (connection.socket.write(piece)) continue;
        await Promise.race([
          new Promise((resolve) => connection.socket.once("drain", resolve)),
          connection.closed,
        ]);
      }
      await connection.closed;
      assert.ok(memory().peak - before < 64 * MB, `${memory().peak - before} bytes more`);
    }
    await stillServes();
  });

  it("sends a frame byte by byte", async () => {
    const connection = await connect();
    const before = startMeasuringPeak();
    connection.socket.setNoDelay(true);
    const text = JSON.stringify({ id: "1", type: "nope", padding: "x".repeat(20_000) });
    for (const char of text) {
      // Each byte alone: the next one only when this one is on its way.
      await new Promise((resolve) => connection.socket.write(char, resolve));
    }
    connection.write("\n");
    const answer = await connection.until(({ id }) => id === "1");
    assert.equal(code(answer), "UNKNOWN_COMMAND");
    assert.ok(memory().peak - before < 32 * MB);
  });

  it("nests JSON 100,000 levels deep", async () => {
    const connection = await connectQuiet();
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    connection.write(`{"id":"1","type":"list_sessions","deep":${deep}}\n`);
    assert.equal(
      (await connection.until(({ id }) => id === "1")).success,
      true,
      "what isn't looked at is ignored",
    );
    connection.write(`{"id":"2","type":${deep}}\n`);
    assert.equal(code(await connection.until(({ id }) => id === "2")), "INVALID_INPUT");
    const sessionId = await session(connection);
    for (const request of [
      `"type":"get_commands","x":${deep}`,
      `"type":"send_record","record":{"type":"get_state","x":${deep}}`,
    ]) {
      connection.write(`{"id":"${request.length}","sessionId":"${sessionId}",${request}}\n`);
      const answer = await connection.until(({ id }) => id === String(request.length));
      assert.equal(code(answer), "INVALID_INPUT", JSON.stringify(answer));
    }
    await stillServes();
  });

  it("uses the names of Object's own properties, duplicate keys and wrong types", async () => {
    const connection = await connectQuiet();
    const ask = async (json: string) => {
      connection.records.length = 0;
      connection.write(`${json}\n`);
      return await connection.until(({ type }) => type === "response");
    };
    for (const type of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const answer = await ask(JSON.stringify({ id: "1", type }));
      assert.deepEqual([answer.id, answer.command, code(answer)], ["1", type, "UNKNOWN_COMMAND"]);
      assert.equal(
        code(await ask(`{"id":"2","type":"get_session","sessionId":"${type}"}`)),
        "SESSION_NOT_FOUND",
      );
    }
    const polluting = `"__proto__":{"name":"evil","isReady":true},"constructor":{"prototype":{"name":"evil"}}`;
    const created = await ask(
      `{"id":"3","type":"create_session","cwd":"${place.cwd}","options":{"model":"scripted/echo"},${polluting}}`,
    );
    assert.equal(created.success, true, JSON.stringify(created));
    const info = (created.data as { session: Json }).session;
    assert.equal(info.name, undefined);
    const inOptions = `"options":{"model":"scripted/echo",${polluting}}`;
    const create = `{"id":"4","type":"create_session","cwd":"${place.cwd}",${inOptions}}`;
    assert.equal(code(await ask(create)), "INVALID_INPUT");
    // As every JSON parser does: the last one counts.
    const twice = await ask('{"id":"a","id":"b","type":"nope","type":"list_sessions"}');
    assert.deepEqual([twice.id, twice.command, twice.success], ["b", "list_sessions", true]);
    for (const wrong of [
      "5",
      "null",
      "[]",
      '"x"',
      "{}",
      '{"id":5,"type":"list_sessions"}',
      "\u2028",
      "\0\0",
    ]) {
      assert.deepEqual(code(await ask(wrong)), "INVALID_INPUT", wrong);
    }
    assert.equal((await ask('{"id":"kept","type":5}')).id, "kept", "its sender waits for this id");
    await stillServes();
  });

  it("sends NULs and invalid UTF-8 where a program's arguments and paths come from", async () => {
    const connection = await connect({ ...place.env, NUL: "a\0b" });
    const cwd = place.cwd;
    const refused = async (record: Json) => {
      const answer = await connection.ask({ id: String(Math.random()), ...record });
      assert.equal(answer.success, false, JSON.stringify(record));
      assert.notEqual(code(answer), "INTERNAL", JSON.stringify(answer));
    };
    await refused({ type: "create_session", cwd: "/tmp/\0" });
    await refused({ type: "create_session", cwd, name: "a\0b" });
    await refused({ type: "create_session", cwd, options: { systemPrompt: "\0" } });
    await refused({ type: "create_session", cwd });
    await refused({ type: "get_session", sessionId: "\0" });
    await refused({ type: "get_session", cwd: "/\0" });
    const plain = await connect();
    plain.write(
      Buffer.concat([
        Buffer.from('{"id":"'),
        Buffer.from([0xff, 0xfe, 0xc0]),
        Buffer.from('","type":"nope"}\n'),
      ]),
    );
    assert.equal(code(await plain.until(({ type }) => type === "response")), "UNKNOWN_COMMAND");
    await stillServes();
  });

  it("names a directory to write to, and a model that no program can be given", async () => {
    const connection = await connectQuiet();
    const sessionId = await session(connection);
    const { cwd } = place;
    const exported = { id: "e", type: "export_session", sessionId, format: "md", outputPath: cwd };
    assert.equal(code(await connection.ask(exported)), "INVALID_INPUT");
    const options = { model: `scripted/${"x".repeat(300_000)}` };
    assert.equal(
      code(await connection.ask({ id: "c", type: "create_session", cwd, options })),
      "INVALID_INPUT",
    );
    await stillServes();
  });

  it("repeats an id: each request has its own answer", async () => {
    const connection = await connect();
    connection.write(
      '{"id":"1","type":"list_sessions"}\n{"id":"1","type":"nope"}\n{"id":"1","type":"get_daemon_status"}\n',
    );
    const commands = ["get_daemon_status", "list_sessions", "nope"];
    for (const command of commands) await connection.until((answer) => answer.command === command);
    await connection.ask({ id: "end", type: "get_diagnostics" });
    const answers = connection.records.filter(({ id }) => id === "1").map(({ command }) => command);
    assert.deepEqual(answers.sort(), commands);
  });

  it("asks for much and never reads: it is no longer listened to, and the memory stays", async () => {
    const control = await connect();
    const sessionId = writeSession(place, ["x".repeat(MB)]);
    const deaf = await connect();
    deaf.socket.pause();
    const before = startMeasuringPeak();
    // More than 2 MB of answer each: all of them are more than the daemon may hold.
    const asked = 150;
    for (let i = 0; i < asked; i++) {
      deaf.send({ id: String(i), type: "get_session", sessionId, messages: true });
      if (i % 5 === 0) await control.ask({ id: `c${i}`, type: "get_session", sessionId, messages: true });
      control.records.length = 0;
    }
    const answer = await control.ask({ id: "after", type: "get_session", sessionId });
    assert.equal(answer.success, true);
    assert.ok(memory().peak - before < 250 * MB, `${memory().peak - before} bytes more`);
    deaf.socket.resume();
    await deaf.until(() => deaf.records.filter(({ type }) => type === "response").length === asked);
    const ids = deaf.records.flatMap(({ type, id }) => (type === "response" ? [id] : []));
    assert.equal(new Set(ids).size, asked, "each is answered once it reads");
  });

  it("closes in the middle of everything", async () => {
    const control = await connect();
    const sessionId = await session(control, place.scenario("long-turn.json"));
    const before = descriptors();
    for (let i = 0; i < 20; i++) {
      const leaving = await connect();
      leaving.send({ id: "1", type: "subscribe", sessionId, since: 0 });
      leaving.send({ id: "2", type: "wait", sessionId, for: ["question"] });
      leaving.send({ id: "3", type: "get_session_stats", sessionId });
      if (i === 0) leaving.send({ id: "4", type: "prompt", sessionId, message: "go", subscribe: true });
      leaving.write('{"id":"5","type":');
      if (i === 0)
        await leaving.until(({ type, turn }) => type === "turn" && (turn as Json).state === "started");
      else if (i % 2 === 0) await leaving.until(({ id }) => id === "1");
      await leaving.destroy();
    }
    const running = await control.ask({ id: "s", type: "get_session", sessionId });
    assert.equal((running.data as { session: Json }).session.state, "working", "its turn goes on without it");
    await control.ask({ id: "a", type: "abort", sessionId });
    await stillServes();
    await untilReleased(before);
  });

  it("subscribes, unsubscribes and waits thousands of times", async () => {
    const control = await connectQuiet();
    const sessionId = await session(control);
    const busy = await connect();
    const asked = 3_000;
    for (let i = 0; i < asked; i++) {
      busy.send({ id: `s${i}`, type: "subscribe", sessionId, since: 0 });
      busy.send({ id: `u${i}`, type: "unsubscribe", sessionId });
      busy.send({ id: `w${i}`, type: "wait", sessionId, for: ["idle"] });
    }
    await busy.until(({ id }) => id === `w${asked - 1}`);
    const answers = busy.records.filter(({ type }) => type === "response");
    assert.equal(new Set(answers.map(({ id }) => id)).size, 3 * asked);
    assert.equal(answers.length, 3 * asked);
    assert.doesNotMatch(place.log(), /Warning/);
  });
});

describe("a place that isn't safe", () => {
  let place: Workspace;
  let squatters: Server[];
  beforeEach(() => {
    place = new Workspace();
    squatters = [];
  });
  afterEach(async () => {
    for (const server of squatters) await new Promise((resolve) => server.close(resolve));
    // Whatever a test has put there is no reason to refuse the end.
    rmSync(place.paths.runtimeDir, { recursive: true, force: true });
    await place.dispose();
  });

  async function refused(why: RegExp): Promise<void> {
    for (const args of [
      ["session", "list"],
      ["daemon", "start"],
      ["prompt", "hi"],
    ]) {
      const result = await place.run(args);
      assert.equal(result.code, 9, `${args.join(" ")}\n${result.stderr}`);
      assert.match(result.stderr, /\[UNSAFE_DIRECTORY\]/);
      assert.match(result.stderr, why);
    }
    const daemon = await place.run(["daemon", "run"]);
    assert.equal(daemon.code, 9, "the daemon itself refuses it too");
    assert.match(daemon.stderr, /\[UNSAFE_DIRECTORY\]/);
  }

  /** A server as somebody else would put it there, to be given the environment of whoever connects. */
  async function squat(path: string): Promise<{ received: () => number }> {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(path);
    squatters.push(server);
    await new Promise((resolve) => server.once("listening", resolve));
    return { received: () => connections };
  }

  it("a directory that is open to others", async () => {
    const { runtimeDir } = place.paths;
    mkdirSync(runtimeDir, { recursive: true });
    chmodSync(runtimeDir, 0o777);
    await refused(/is open to other users \(mode 777\)/);
  });

  it("a directory that is a symbolic link", async () => {
    const { runtimeDir } = place.paths;
    const elsewhere = join(place.root, "elsewhere");
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, runtimeDir);
    const squatter = await squat(join(elsewhere, "daemon.sock"));
    await refused(/is a symbolic link/);
    assert.equal(squatter.received(), 0, "nobody has talked to it");
  });

  const notRoot = IS_ROOT ? false : "only root can give a directory to another user";
  it("a directory that belongs to another user", { skip: notRoot }, async () => {
    const { runtimeDir, socket } = place.paths;
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
    const squatter = await squat(socket);
    chownSync(runtimeDir, OTHER_USER, OTHER_USER);
    await refused(/belongs to user 65534, not to you/);
    assert.equal(squatter.received(), 0, "nobody has talked to it");
  });

  it("a socket of another user's in a directory of one's own", { skip: notRoot }, async () => {
    const { runtimeDir, socket } = place.paths;
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
    const squatter = await squat(socket);
    chownSync(socket, OTHER_USER, OTHER_USER);
    const result = await place.run(["session", "list"]);
    assert.equal(result.code, 9, result.stderr);
    assert.match(result.stderr, /\[UNSAFE_DIRECTORY\]/);
    assert.equal(squatter.received(), 0);
  });

  it("a socket that was replaced by a symbolic link", async () => {
    const { runtimeDir, socket } = place.paths;
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
    const elsewhere = join(place.root, "squat.sock");
    const squatter = await squat(elsewhere);
    symlinkSync(elsewhere, socket);
    const result = await place.run(["session", "list"]);
    assert.equal(result.code, 9, result.stderr);
    assert.match(result.stderr, /\[UNSAFE_DIRECTORY\]/);
    assert.equal(squatter.received(), 0);
  });

  it("a socket that is replaced while the daemon runs, until it is back", async () => {
    await place.ok(["daemon", "start"]);
    const { socket } = place.paths;
    renameSync(socket, `${socket}.old`);
    symlinkSync(`${socket}.old`, socket);
    assert.equal((await place.run(["session", "list"])).code, 9);
    rmSync(socket);
    renameSync(`${socket}.old`, socket);
    await place.ok(["session", "list"]);
    await place.ok(["daemon", "stop"]);
  });
});
