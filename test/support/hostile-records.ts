import fc from "fast-check";
import { PASSED_THROUGH, requestSchemas } from "../../src/lib/protocol/requests.ts";

/** What the daemon would stop for, or would start a process for each time, is asked for elsewhere or seldom. */
const SELDOM = new Set([
  "create_session",
  "close_session",
  "delete_session",
  "get_daemon_status",
  "get_diagnostics",
  "fork",
  "clone",
]);
const COMMON = [
  ...Object.keys(requestSchemas).filter((type) => type !== "stop_daemon" && !SELDOM.has(type)),
  ...PASSED_THROUGH,
];

/** Texts that programs have tripped over. */
const ODD_TEXTS = [
  "",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "\0",
  "a\0b",
  "/tmp/\0",
  "\u2028",
  "\u2029\u0085",
  "\ud800",
  "\ufeff",
  "..",
  "../../../../etc/passwd",
  "%s%n",
  "\u001b[2J",
  "x".repeat(300),
  "😀".repeat(60),
  "-1",
  "NaN",
];

const junk = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...ODD_TEXTS) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(null, true, false, 0, -1, 0.5, 1e308, 2 ** 53, 4e9, [], {}),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
);

/** Values that each field takes as it should. Paths lie where nothing can be harmed. */
function fieldArbitraries(
  sessions: readonly string[],
  directory: string,
): Record<string, fc.Arbitrary<unknown>> {
  const text = fc.constantFrom("go", "hello", "a\u2028b", "😀");
  const options = fc.record(
    {
      model: fc.constantFrom("a/b", "c"),
      thinking: fc.constantFrom("off", "high", "none"),
      tools: fc.constant("read"),
      piArgs: fc.constantFrom<unknown>([], ["--x"], ["--mode"], "x"),
    },
    { requiredKeys: [] },
  );
  return {
    sessionId: fc.constantFrom(...sessions),
    cwd: fc.constantFrom(directory, "/nonexistent", "relative"),
    message: text,
    name: text,
    options,
    turnId: fc.constantFrom("t1", "t2", "__proto__"),
    whenBusy: fc.constantFrom("wait", "refuse", "steer", "followUp"),
    onQuestion: fc.constantFrom("fail", "deny", "default", "wait"),
    subscribe: fc.boolean(),
    since: fc.constantFrom(0, 1, 5, 1e6),
    for: fc.constantFrom<unknown>(["idle"], ["question"], ["turn-end"], ["idle", "question"]),
    at: fc.constantFrom<unknown>(1, "abc", 0),
    answer: fc.constantFrom<unknown>({ value: "x" }, { confirmed: true }, { cancelled: true }),
    questionId: text,
    record: fc.constantFrom<unknown>(
      { type: "get_state" },
      { type: "switch_session" },
      { type: "later", id: "1" },
    ),
    timeoutMs: fc.constantFrom(1000, 60_000),
    format: fc.constantFrom("md", "json", "jsonl"),
    outputPath: fc.constantFrom(`${directory}/out`, "/nonexistent/out", "relative"),
    messages: fc.boolean(),
    current: fc.boolean(),
    model: fc.constantFrom("a/b", "c"),
    thinking: fc.constantFrom("off", "high"),
    command: text,
  };
}

/** Never anything else: a path of a fuzzer's choice would be written to. */
const FIXED = new Set(["outputPath"]);

/**
 * Single frames, without the LF, as a client may send that is broken or means harm; two thirds of them are
 * requests that are nearly right. Ids are few, so that they repeat and overlap between connections.
 *
 * @param sessions names and ids that stand for sessions
 * @param directory one that files may be written to
 */
export function hostileFrames(sessions: readonly string[], directory: string): fc.Arbitrary<Buffer> {
  const fields = fieldArbitraries(sessions, directory);
  const id = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 40 }).map(String) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown>(undefined, 5, null, {}, "", "i".repeat(200), "i".repeat(201)),
    },
  );
  const type = fc.oneof(
    { weight: 800, arbitrary: fc.constantFrom<unknown>(...COMMON) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(...SELDOM) },
    { weight: 40, arbitrary: junk },
  );
  const field = fc.oneof(
    ...Object.entries(fields).map(([name, value]) =>
      fc.tuple(
        fc.constant(name),
        FIXED.has(name) ? value : fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: junk }),
      ),
    ),
  );
  const request = fc
    .tuple(id, type, fc.option(fc.constantFrom(...sessions), { freq: 4 }), fc.array(field, { maxLength: 5 }))
    .map(([ownId, ownType, sessionId, more]) => ({
      ...(sessionId === null ? {} : { sessionId }),
      // A prompt without these is never valid, and nearly right is what finds the most.
      ...(ownType === "prompt" ? { message: "go" } : {}),
      ...(ownType === "wait" ? { for: ["idle"] } : {}),
      ...Object.fromEntries(more),
      // Only those that a frame created have such a name.
      ...(ownType === "delete_session" ? { sessionId: "go" } : {}),
      ...(ownType === "set_session_name" ? { name: "renamed" } : {}),
      id: ownId,
      type: ownType,
    }));
  const text = request.map((record) => JSON.stringify(record));
  const polluted = text.map((json) =>
    json.replace(/}$/, ',"__proto__":{"polluted":1,"type":"x"},"constructor":{"prototype":{"polluted":1}}}'),
  );
  const doubled = fc.tuple(text, text).map(([a, b]) => `${a.slice(0, -1)},${b.slice(1)}`);
  const deep = fc
    .tuple(text, fc.integer({ min: 1, max: 4000 }))
    .map(([json, depth]) => `${json.slice(0, -1)},"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  const half = fc.tuple(text, fc.integer({ min: 1, max: 60 })).map(([json, length]) => json.slice(0, length));
  const spaced = text.map((json) => ` \t${json}\t\r`);
  const noise = fc.oneof(
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.constantFrom(
      "\u2028",
      "\u2028\u2029",
      "\0",
      "\0\0{}",
      "null",
      "5",
      "[]",
      "{}",
      '"x"',
      "\ufeff{}",
      "{".repeat(50),
    ),
  );
  const bytes = fc
    .tuple(text, fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.nat(200))
    .map(([json, extra, at]) =>
      Buffer.concat([Buffer.from(json.slice(0, at)), Buffer.from(extra), Buffer.from(json.slice(at))]),
    );
  const frame = fc.oneof(
    { weight: 24, arbitrary: text.map(Buffer.from) },
    { weight: 2, arbitrary: polluted.map(Buffer.from) },
    { weight: 2, arbitrary: doubled.map(Buffer.from) },
    { weight: 1, arbitrary: deep.map(Buffer.from) },
    { weight: 2, arbitrary: half.map(Buffer.from) },
    { weight: 1, arbitrary: spaced.map(Buffer.from) },
    { weight: 2, arbitrary: noise.map(Buffer.from) },
    { weight: 2, arbitrary: bytes },
  );
  return frame
    .map((bytesOf) =>
      bytesOf.includes(0x0a) ? Buffer.from(bytesOf.filter((byte) => byte !== 0x0a)) : bytesOf,
    )
    .filter(
      (bytesOf) =>
        bytesOf.length > 0 &&
        !bytesOf.equals(Buffer.from("\r")) &&
        !writesElsewhere(bytesOf, directory) &&
        !deletes(bytesOf, sessions),
    );
}

/** What the sessions of the test are for would end with them. */
function deletes(frame: Buffer, sessions: readonly string[]): boolean {
  const text = frame.toString();
  return text.includes("delete_session") && sessions.some((session) => text.includes(session));
}

/** Two joined records, or a path that a byte was put into, may name another place to write to. */
function writesElsewhere(frame: Buffer, directory: string): boolean {
  const text = frame.toString();
  if (!text.includes("export_session")) return false;
  return [...text.matchAll(/"outputPath":"([^"]*)"/g)].some(
    ([, path]) => path !== `${directory}/out` && path !== "/nonexistent/out" && path !== "relative",
  );
}
