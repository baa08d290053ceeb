import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Agent, AgentExit } from "../../../../src/lib/agent/agent.ts";
import type { AgentRecord } from "../../../../src/lib/agent/rpc-channel.ts";
import { Session, type SessionHost } from "../../../../src/lib/session/session.ts";

type Command = { type: string; [field: string]: unknown };
type Reply = { success: boolean; data?: unknown; error?: string };

const IDLE = {
  sessionId: "s1",
  isStreaming: false,
  isCompacting: false,
  messageCount: 0,
  thinkingLevel: "off",
};

/** Plays an agent: answers at once, and says what the test lets it say. */
class FakeAgent {
  readonly pid = 4242;
  readonly startWarnings: string[] = [];
  readonly commands: Command[] = [];
  hasEnded = false;
  /** Answers other than "yes". */
  replies: Record<string, Reply> = {};
  emit: (record: AgentRecord) => void = () => undefined;
  exit: (exit: AgentExit) => void = () => undefined;

  async request(
    command: Command,
    { onResponse }: { onResponse?: (reply: Reply) => void } = {},
  ): Promise<Reply> {
    this.commands.push(command);
    // An answer never comes within the call.
    await Promise.resolve();
    const usual: Reply = {
      success: true,
      data: command.type === "get_state" ? { ...IDLE, isStreaming: true } : { disposition: "started" },
    };
    const reply = this.replies[command.type] ?? usual;
    onResponse?.(reply);
    return reply;
  }

  async call(command: Command): Promise<unknown> {
    return (await this.request(command)).data;
  }

  notify(command: Command): void {
    this.commands.push(command);
  }

  leftRunning = false;

  async stop(): Promise<void> {
    this.hasEnded = true;
  }

  serves(): void {}

  reportTo(): void {}

  hasLeftovers(): boolean {
    return this.leftRunning;
  }

  sent(type: string): Command[] {
    return this.commands.filter((command) => command.type === type);
  }
}

describe("Session", () => {
  let agents: FakeAgent[];
  /** What the start of an agent waits for. */
  let startMay: Promise<void> | undefined;
  let session: Session;
  let records: { type: string; turn?: Record<string, unknown>; state?: string }[];
  let saved: Record<string, unknown>[];

  beforeEach(() => {
    agents = [];
    startMay = undefined;
    records = [];
    saved = [];
    const quiet = () => undefined;
    const host: SessionHost = {
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      parkAfterMs: 0,
      async startAgent(_session, _caller, _change, handlers) {
        await startMay;
        const agent = new FakeAgent();
        agent.emit = (record) => handlers.onRecord(record, Buffer.from(JSON.stringify(record)));
        agent.exit = handlers.onExit;
        agents.push(agent);
        return { agent: agent as unknown as Agent, state: { ...IDLE } };
      },
      agentEnded: quiet,
      becameIdle: quiet,
      save: (record) => saved.push({ ...record }),
    };
    const record = {
      id: "s1",
      // One that exists, or what needs no agent is answered from the file.
      cwd: "/",
      agentDir: "/pi",
      options: {},
      origin: "pictl",
      createdAt: 1,
      usedAt: 1,
      closed: false,
    } as const;
    session = new Session({ ...record }, host);
    session.subscribers.add({
      write: (frame) => records.push(JSON.parse(frame.toString())) > 0,
      onDrain: quiet,
    });
  });

  /** Sends a prompt and waits until it was accepted or refused. */
  async function prompt(message: string, more: Partial<Parameters<Session["prompt"]>[0]> = {}) {
    let accepted: unknown;
    await session.prompt({ message, turnId: message, ...more }, { pid: 7 }, (data) => {
      accepted = data;
    });
    return accepted;
  }

  function agent(): FakeAgent {
    const last = agents.at(-1);
    if (last === undefined) throw new Error("no agent was started");
    return last;
  }

  function run(stopReason = "stop"): void {
    agent().emit({ type: "agent_start" });
    agent().emit({
      type: "message_end",
      message: { role: "assistant", content: [{ type: "text", text: "hi" }], stopReason },
    });
    agent().emit({ type: "agent_settled" });
  }

  function turns(): string[] {
    return records.flatMap(({ turn }) => (turn ? [`${turn.id} ${turn.outcome ?? turn.state}`] : []));
  }

  test("a turn: accepted, started, its events, ended; the state follows", async () => {
    assert.equal(session.state, "parked");
    assert.deepEqual(await prompt("one"), { sessionId: "s1", turnId: "one", disposition: "started" });
    assert.equal(session.state, "working");
    assert.equal(session.record.openTurn, "one");
    run();
    assert.deepEqual(
      [session.state, session.turnId, session.record.openTurn],
      ["idle", undefined, undefined],
    );
    assert.deepEqual(turns(), ["one started", "one completed"]);
    assert.deepEqual(
      records.flatMap(({ state }) => state ?? []),
      ["working", "starting", "working", "idle"],
    );
    assert.equal(records.find(({ turn }) => turn?.state === "ended")?.turn?.text, "hi");
  });

  test("prompts run one after the other, in order, on one agent", async () => {
    await prompt("one");
    const waiting = [prompt("two"), prompt("three")];
    assert.equal(session.queued, 2);
    assert.deepEqual(
      agent()
        .sent("prompt")
        .map(({ message }) => message),
      ["one"],
    );
    run();
    await waiting[0];
    run();
    await waiting[1];
    run();
    assert.deepEqual(
      agent()
        .sent("prompt")
        .map(({ message }) => message),
      ["one", "two", "three"],
    );
    assert.equal(agents.length, 1);
    assert.deepEqual(
      turns().filter((each) => each.endsWith("queued")),
      ["two queued", "three queued"],
    );
  });

  test("one that may not wait is refused, and steering goes to the running turn", async () => {
    await prompt("one");
    await assert.rejects(prompt("two", { whenBusy: "refuse" }), { code: "SESSION_BUSY", exitCode: 11 });
    assert.deepEqual(await prompt("three", { whenBusy: "steer" }), {
      sessionId: "s1",
      turnId: "one",
      disposition: "queued",
    });
    assert.deepEqual(agent().sent("prompt").at(-1), {
      type: "prompt",
      message: "three",
      streamingBehavior: "steer",
    });
    run();
    assert.deepEqual(turns(), ["one started", "one completed"]);
  });

  test("a session can't wait for itself", async () => {
    await prompt("one");
    const caller = { environment: { PI_SESSION_ID: "s1" } };
    await assert.rejects(async () => session.prompt({ message: "two" }, caller, () => undefined), {
      code: "SESSION_BUSY",
    });
  });

  test("a bounded number of prompts waits", async () => {
    await prompt("one");
    const waiting = Array.from({ length: 100 }, (_, i) => prompt(`w${i}`));
    for (const each of waiting) each.catch(() => undefined);
    await assert.rejects(prompt("too many"), { code: "LIMIT_EXCEEDED", exitCode: 8 });
    const closing = session.close({});
    await Promise.resolve();
    run("aborted");
    await closing;
    for (const each of waiting) await assert.rejects(each, { code: "TURN_ABORTED" });
  });

  test("an abort empties pi's queue first and gives its texts back; the turn says who did it", async () => {
    await prompt("one");
    agent().emit({ type: "agent_start" });
    agent().replies.clear_queue = { success: true, data: { steering: ["s"], followUp: ["f"] } };
    const aborting = session.abort(undefined, { pid: 99 });
    await Promise.resolve();
    run("aborted");
    assert.deepEqual(await aborting, {
      sessionId: "s1",
      aborted: true,
      turnId: "one",
      steering: ["s"],
      followUp: ["f"],
    });
    const [clear, abort] = agent().commands.filter(({ type }) => type === "clear_queue" || type === "abort");
    assert.deepEqual([clear?.type, abort?.type], ["clear_queue", "abort"]);
    const ended = records.find(({ turn }) => turn?.state === "ended")?.turn;
    assert.deepEqual([ended?.outcome, ended?.abortedBy], ["aborted", 99]);
  });

  test("a prompt that waits is aborted by its id alone, and the running turn goes on", async () => {
    await prompt("one");
    const waiting = assert.rejects(prompt("two"), { code: "TURN_ABORTED" });
    assert.equal((await session.abort("two", {})).aborted, true);
    await waiting;
    assert.equal(session.turnId, "one");
    assert.equal((await session.abort("nobody's", {})).aborted, false);
    assert.deepEqual(agent().sent("abort"), []);
  });

  test("an extension's command has no run: told by pi, or by its state where pi doesn't say", async () => {
    await prompt("zero");
    run();
    agent().replies.get_state = { success: true, data: IDLE };
    agent().replies.prompt = { success: true, data: { disposition: "handled" } };
    assert.deepEqual(await prompt("one"), { sessionId: "s1", turnId: "one", disposition: "handled" });
    await session.wait(["idle"], new AbortController().signal);
    agent().replies.prompt = { success: true };
    await prompt("two");
    await session.wait(["idle"], new AbortController().signal);
    assert.equal(session.state, "idle");
    assert.deepEqual(turns().slice(2), ["one started", "one handled", "two started", "two handled"]);
  });

  test("the death of the agent ends the turn, and the next prompt gets a new agent", async () => {
    await prompt("one");
    const next = prompt("two");
    agent().hasEnded = true;
    agent().exit({ code: null, signal: "SIGKILL", stderr: "last words", expected: false });
    await next;
    assert.equal(agents.length, 2);
    const ended = records.find(({ turn }) => turn?.state === "ended")?.turn as {
      outcome: string;
      error: { code: string; message: string };
    };
    assert.deepEqual([ended.outcome, ended.error.code], ["died", "AGENT_DIED"]);
    assert.match(ended.error.message, /SIGKILL in the middle of the turn:\nlast words/);
    assert.ok(saved.some((record) => record.interrupted === true));
  });

  test("a question that nobody may answer ends the turn, and is declined only after that", async () => {
    await prompt("one");
    agent().emit({ type: "agent_start" });
    agent().emit({ type: "extension_ui_request", id: "d1", method: "confirm", title: "Delete all?" });
    agent().emit({ type: "extension_ui_request", id: "d2", method: "notify", title: "only news" });
    assert.deepEqual(agent().sent("extension_ui_response"), [
      { type: "extension_ui_response", id: "d1", cancelled: true },
    ]);
    const order = agent().commands.map(({ type }) => type);
    assert.deepEqual(order.slice(-3), ["clear_queue", "abort", "extension_ui_response"]);
    run("aborted");
    const ended = records.find(({ turn }) => turn?.state === "ended")?.turn as {
      outcome: string;
      error: { code: string };
    };
    assert.deepEqual([ended.outcome, ended.error.code], ["failed", "QUESTION_UNANSWERED"]);
  });

  test("a question that may be answered waits for its own answer", async () => {
    await prompt("one", { onQuestion: "wait" });
    agent().emit({ type: "extension_ui_request", id: "d1", method: "confirm", title: "Sure?" });
    assert.equal(session.state, "waiting");
    await assert.rejects(session.command({ type: "extension_ui_response", id: "other" }, {}), {
      code: "QUESTION_NOT_FOUND",
    });
    await session.command({ type: "extension_ui_response", id: "d1", confirmed: true }, {});
    assert.equal(session.state, "working");
    assert.deepEqual(agent().sent("extension_ui_response"), [
      { type: "extension_ui_response", id: "d1", confirmed: true },
    ]);
    run();
    assert.deepEqual(turns(), ["one started", "one completed"]);
  });

  test("an abort declines what is open, or pi would wait for the answer", async () => {
    await prompt("one", { onQuestion: "wait" });
    agent().emit({ type: "extension_ui_request", id: "d1", method: "input", title: "Name?" });
    const aborting = session.abort(undefined, {});
    const order = agent().commands.map(({ type }) => type);
    assert.deepEqual(order.slice(-3), ["clear_queue", "abort", "extension_ui_response"]);
    run("error");
    await aborting;
    const ended = records.find(({ turn }) => turn?.state === "ended")?.turn;
    assert.equal(ended?.outcome, "aborted");
  });

  test("a turn that ends takes its open questions along", async () => {
    await prompt("one", { onQuestion: "wait" });
    agent().emit({ type: "extension_ui_request", id: "d1", method: "input", title: "Name?" });
    run();
    assert.deepEqual(session.questions, []);
    assert.equal(session.state, "idle");
    const states = records.filter(({ type }) => type === "question").map(({ state }) => state);
    assert.deepEqual(states, ["open", "cancelled"]);
    assert.throws(() => session.respond(undefined, { value: "x" }), { code: "QUESTION_NOT_FOUND" });
  });

  test("a command that asks where nobody may answer fails, and one that may is answered", async () => {
    await session.open({});
    const ask = () =>
      agent().emit({ type: "extension_ui_request", id: "d1", method: "confirm", title: "Compact?" });
    const refused = session.command({ type: "compact" }, {});
    await Promise.resolve();
    ask();
    await assert.rejects(refused, { code: "QUESTION_UNANSWERED" });
    const declined = session.command({ type: "compact" }, {}, { onQuestion: "deny" });
    await Promise.resolve();
    ask();
    await declined;
    assert.equal(agent().sent("extension_ui_response").length, 2);
  });

  for (const [type, what] of [
    ["bash", "command"],
    ["compact", "compaction"],
  ] as const) {
    test(`a ${what} that waits for its agent is aborted and never sent`, async () => {
      const start = Promise.withResolvers<void>();
      startMay = start.promise;
      const aborted = session.command({ type }, {});
      // What needs no time is not work, and goes on.
      const state = session.command({ type: "get_state" }, {});
      const refused = assert.rejects(aborted, { code: "TURN_ABORTED", message: /process 9/ });
      assert.deepEqual((await session.abort(undefined, { pid: 9 })).what, what);
      await refused;
      assert.equal((await session.abort(undefined, { pid: 9 })).aborted, false);
      start.resolve();
      await state;
      assert.deepEqual(agent().sent(type), []);
    });
  }

  test("abort_bash ends a command that waits for its agent, and starts none", async () => {
    const start = Promise.withResolvers<void>();
    startMay = start.promise;
    const aborted = assert.rejects(session.command({ type: "bash" }, {}), { code: "TURN_ABORTED" });
    await session.command({ type: "abort_bash" }, {});
    await aborted;
    start.resolve();
    await session.close({});
    await session.command({ type: "abort_bash" }, {});
    assert.deepEqual([agents.length, agent().sent("bash")], [1, []]);
  });

  test("a close aborts a command that waits for its agent", async () => {
    const start = Promise.withResolvers<void>();
    startMay = start.promise;
    const aborted = assert.rejects(session.command({ type: "bash" }, {}), { code: "TURN_ABORTED" });
    const closed = session.close({});
    await aborted;
    start.resolve();
    await closed;
    assert.deepEqual(agent().sent("bash"), []);
  });

  test("a question that comes while nothing runs is declined", async () => {
    await session.open({});
    agent().emit({ type: "extension_ui_request", id: "d1", method: "confirm", title: "Now?" });
    assert.deepEqual(agent().sent("extension_ui_response"), [
      { type: "extension_ui_response", id: "d1", cancelled: true },
    ]);
    assert.equal(session.state, "idle");
  });

  describe("wait", () => {
    const never = new AbortController().signal;

    test("idle is at once where nothing runs, else when the last turn has ended", async () => {
      assert.equal((await session.wait(["idle"], never)).reason, "idle");
      await prompt("one");
      const idle = session.wait(["idle"], never);
      run("error");
      const result = await idle;
      assert.deepEqual([result.state, result.turn?.id, result.turn?.outcome], ["idle", "one", "failed"]);
    });

    test("turn-end is the end of the turn that runs, not of the queue", async () => {
      await prompt("one");
      const second = prompt("two");
      const ended = session.wait(["turn-end"], never);
      const idle = session.wait(["idle"], never);
      run();
      assert.equal((await ended).turn?.id, "one");
      await second;
      run();
      assert.equal((await idle).turn?.id, "two");
    });

    test("a question, with what is asked", async () => {
      await prompt("one", { onQuestion: "wait" });
      const asked = session.wait(["idle", "question"], never);
      agent().emit({ type: "extension_ui_request", id: "d1", method: "input", title: "Name?" });
      const result = await asked;
      assert.deepEqual([result.reason, result.questions?.[0]?.title], ["question", "Name?"]);
    });

    test("ends with who waits", async () => {
      await prompt("one");
      const leaving = new AbortController();
      const waiting = session.wait(["idle"], leaving.signal);
      leaving.abort(new Error("left"));
      await assert.rejects(waiting, /left/);
    });
  });

  test("what waits is told, and can be taken back", async () => {
    await prompt("one");
    const second = prompt("two");
    agent().emit({ type: "queue_update", steering: ["now"], followUp: ["later"] });
    assert.deepEqual(session.queue, {
      steering: ["now"],
      followUp: ["later"],
      waiting: [{ turnId: "two", message: "two" }],
    });
    agent().replies.clear_queue = { success: true, data: { steering: ["now"], followUp: ["later"] } };
    const refused = assert.rejects(second, { code: "TURN_ABORTED" });
    assert.deepEqual(await session.clearQueue(), {
      steering: ["now"],
      followUp: ["later"],
      waiting: ["two"],
    });
    await refused;
  });

  test("a model that was chosen is remembered for the next agent", async () => {
    await session.open({});
    const model = { provider: "p", id: "m" };
    agent().replies.set_model = { success: true, data: model };
    agent().replies.get_state = { success: true, data: { ...IDLE, model, thinkingLevel: "low" } };
    await session.command({ type: "set_model", provider: "p", modelId: "m" }, {});
    assert.deepEqual(session.record.promised, { model: "p/m", thinking: "low", inFile: {} });
    assert.deepEqual(session.agentState?.model, { provider: "p", id: "m" });
    agent().emit({ type: "thinking_level_changed", level: "high" });
    assert.equal(session.record.promised?.thinking, "high");
  });

  test("a refused prompt rejects with pi's reason and leaves the session idle", async () => {
    await prompt("zero");
    run();
    agent().replies.prompt = { success: false, error: "not now" };
    agent().replies.get_state = { success: true, data: { ...IDLE, model: { provider: "p", id: "m" } } };
    agent().replies.get_available_models = { success: true, data: { models: [{ provider: "p" }] } };
    await assert.rejects(prompt("one"), { code: "PROMPT_REJECTED", message: /not now/ });
    assert.equal(session.state, "idle");
    assert.equal(session.record.openTurn, undefined);
  });

  test("parks only when idle; the numbers of its records go on afterwards", async () => {
    await prompt("one");
    await session.park();
    assert.equal(session.state, "working");
    run();
    const { lastSeq } = session.log;
    await session.park();
    assert.equal(session.state, "parked");
    assert.equal(agent().hasEnded, true);
    assert.ok(session.log.lastSeq >= lastSeq);
    await prompt("two");
    assert.equal(agents.length, 2);
  });

  test("isn't parked while a command that its agent has started runs on", async () => {
    await prompt("one");
    run();
    agent().leftRunning = true;
    assert.equal(session.park(), false);
    assert.equal(session.state, "idle");
    agent().leftRunning = false;
    assert.equal(session.park(), true);
    assert.equal(session.state, "parked");
  });

  test("a prompt that comes while the session closes has its turn afterwards", async () => {
    await prompt("one");
    run();
    const closed = session.close({ pid: 7 });
    const accepted = prompt("two");
    await closed;
    assert.ok(await accepted);
    run();
    assert.deepEqual(turns().slice(2), ["two started", "two completed"]);
    assert.equal(agents.length, 2);
  });

  test("a session that was retired takes nothing more, and tells whoever waited", async () => {
    await prompt("one");
    const waiting = prompt("two");
    session.retire();
    await assert.rejects(waiting, { code: "TURN_ABORTED" });
    await session.close({ pid: 7 });
    await assert.rejects(prompt("three"), { code: "SESSION_NOT_FOUND" });
    await assert.rejects(session.command({ type: "get_state" }, {}), { code: "SESSION_NOT_FOUND" });
    assert.equal(agents.length, 1, "no agent for a session that is gone");
  });

  test("a turn found open when the daemon starts was cut", () => {
    const record = { ...session.record, openTurn: "t1" };
    const host = { log: undefined, parkAfterMs: 0, save: () => undefined } as unknown as SessionHost;
    new Session(record, host);
    assert.deepEqual([record.openTurn, record.interrupted], [undefined, true]);
  });
});
