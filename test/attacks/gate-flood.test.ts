import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeEach, it, test } from "node:test";
import { systemErrorCode } from "../../src/lib/core/errors.ts";
import type { Lookup } from "../../src/lib/sandbox/gate/dial.ts";
import { attack } from "../support/attack.ts";
import { connectTo, listen, startGate } from "../support/gate.ts";
import { scaled } from "../support/speed.ts";
import type { Workspace } from "../support/workspace.ts";

/** Enough for a daemon with two agents, and less than one gate has connections where nothing else bounds them. */
const DESCRIPTORS = 270;
const FLOOD = 400;
/** State of a socket in /proc/net/tcp. */
const LISTENS = "0A";
/** Of the gate in a sandbox that has a network of its own. */
const INNER_PORT = 3128;

/** Opens as many connections to the gate as it can, says when it has tried, and keeps those that stay. */
const hold = (port: number) => `const { connect } = require("node:net");
let left = ${FLOOD};
const settle = () => { if (--left === 0) console.log("all"); };
for (let count = ${FLOOD}; count > 0; count--)
  connect(${port}, "127.0.0.1").once("connect", settle).once("error", settle).on("error", () => {});
setTimeout(() => process.exit(), 20_000);`;
/** Asks for a host that the policy doesn't name, without the token of a port of the machine: the gate's answer is its refusal. */
const ask = (port: number) => `exec 3<>/dev/tcp/127.0.0.1/${port}
printf 'GET http://nope.test/ HTTP/1.1\\r\\nHost: nope.test\\r\\n\\r\\n' >&3
head -n 1 <&3`;

attack("a sandboxed agent that takes all the connections it gets", "strict", ({ profile, makePlace }) => {
  let place: Workspace;
  beforeEach(() => {
    place = makePlace();
    place.shareCompileCache();
  });
  afterEach(() => place.dispose());

  it("leaves the daemon descriptors for others", { timeout: scaled(60_000) }, async () => {
    await place.ok(["daemon", "start"], { shell: `ulimit -n ${DESCRIPTORS}` });
    const create = ["session", "create", "--sandbox", profile, "--model", "scripted/echo", "--name"];
    const gates: number[] = [];
    for (const name of ["loud", "other"]) {
      await place.ok([...create, name]);
      const port =
        profile === "minimal" ? portsOf(place.daemonPid()).find((each) => !gates.includes(each)) : INNER_PORT;
      assert.ok(port !== undefined, "the gate listens on no port");
      gates.push(port);
    }
    const [loud = 0, other = 0] = gates;
    const flood = `${process.execPath} -e '${hold(loud)}' > flood 2>&1 & for i in $(seq 100); do grep -q all flood && break; sleep 0.1; done; cat flood`;
    assert.match(await place.ok(["session", "bash", "-s", "loud", flood]), /all/);
    assert.match(await place.ok(["session", "bash", "-s", "other", ask(other)]), /HTTP\/1.1 40[37]/);
    const { records } = await place.json<{ records: { reason?: string; omitted?: number }[] }>([
      "sandbox",
      "log",
    ]);
    assert.ok(
      records.some(({ reason }) => reason === "more than 8 connections"),
      "the flood isn't in the log",
    );
  });
});

/** On which a process listens: the gate of a sandbox that shares the machine's network does. */
function portsOf(pid = 0): number[] {
  const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch (error) {
      // Closed meanwhile.
      if (systemErrorCode(error) === "ENOENT") return "";
      throw error;
    }
  });
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTENS && sockets.includes(`socket:[${inode}]`))
    .map(([, address = ""]) => Number.parseInt(address.slice(-4), 16));
}

/** A resolver as Node's: it has some threads, and a name that nobody answers for keeps one until it is ended. */
function resolverOf(threads: number): { lookup: Lookup; end: () => void } {
  const never = Promise.withResolvers<never>();
  let free = threads;
  const waiting: (() => void)[] = [];
  const lookup: Lookup = async (host) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    free -= 1;
    if (host.startsWith("slow-")) return await never.promise;
    free += 1;
    waiting.shift()?.();
    return [{ address: "127.0.0.1", family: 4 }];
  };
  return { lookup, end: () => never.reject(new Error("no answer")) };
}

test("an agent that asks for names which nobody answers for leaves the resolver to others", async (t) => {
  const host = createServer((socket) => socket.end("hello"));
  const port = await listen(t, host);
  const { lookup, end } = resolverOf(8);
  t.after(end);
  const names = Array.from({ length: 40 }, (_, index) => `slow-${index}.test`);
  const named = [...names, "host.test"].map((name) => ({ host: name, port, named: true }));
  const loud = await startGate(t, { hosts: named, lookup });
  const other = await startGate(t, { hosts: named, lookup });
  const tunnel = (gatePort: number, name: string) => {
    const socket = connectTo(t, gatePort);
    socket.write(`CONNECT ${name}:${port} HTTP/1.1\r\nHost: ${name}:${port}\r\n\r\n`);
    return socket;
  };
  for (const name of names) tunnel(loud.port, name);
  // What was sent first has been read when this one is answered: it names no host of the policy.
  await once(tunnel(loud.port, "nope.test"), "data");
  const [answer] = (await once(tunnel(other.port, "host.test"), "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 200/);
});
