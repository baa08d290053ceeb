import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Words that texts are made of, and that are looked for. */
export const WORDS = [
  ...[
    "alpha",
    "Beta",
    "gamma",
    "delta",
    "socket",
    "Timeout",
    "sock",
    "café",
    "naïve",
    "Über",
    "x",
    "e0308",
    "42",
  ],
  ...["日本語", "検索", "語の検", "🚀", "👩‍💻", "ﬁne"],
];
export const CODE = [
  "foo.bar_baz(",
  "/etc/passwd",
  "E0308[",
  "a->b",
  "--force",
  "x=42",
  "café()",
  "日本/語",
  "🚀=",
  "std::vec",
];

/** Numbers that decide what is written; fast-check makes and shrinks them. */
export type Choice = (below: number) => number;

/** Session files in a directory of the test's own, as pi writes them, and all that can happen to them. */
export class TestCorpus {
  readonly directory: string;
  #count = 0;
  #parents = new Map<string, string | null>();

  constructor(directory: string) {
    this.directory = join(directory, "--home-me-project--");
    mkdirSync(this.directory, { recursive: true });
  }

  get names(): string[] {
    return readdirSync(this.directory).sort();
  }

  contents(): Buffer[] {
    return this.names.map((name) => readFileSync(join(this.directory, name)));
  }

  create(choice: Choice): void {
    const name = `2026-11-21T00-00-00-000Z_s${this.#count++}.jsonl`;
    const path = join(this.directory, name);
    writeFileSync(path, `${JSON.stringify(header(name))}\n${this.#entries(path, choice)}`);
  }

  append(choice: Choice): void {
    const path = this.#pick(choice);
    if (path !== undefined) appendFileSync(path, this.#entries(path, choice));
  }

  /** Cut anywhere, also within a line or a letter. */
  truncate(choice: Choice): void {
    const path = this.#pick(choice);
    if (path !== undefined) truncateSync(path, choice(readFileSync(path).length + 1));
  }

  /** Written anew in its place: another conversation with the same header. */
  replace(choice: Choice): void {
    const path = this.#pick(choice);
    if (path === undefined) return;
    writeFileSync(
      path,
      `${JSON.stringify(header(path))}\n${this.#entries(path, choice)}${this.#entries(path, choice)}`,
    );
  }

  delete(choice: Choice): void {
    const path = this.#pick(choice);
    if (path !== undefined) rmSync(path);
  }

  /** What pi's fork and clone do: the same entries in another file. */
  copy(choice: Choice): void {
    const path = this.#pick(choice);
    if (path === undefined) return;
    const name = `2026-11-21T00-00-00-000Z_s${this.#count++}.jsonl`;
    const [, ...lines] = readFileSync(path, "utf8").split("\n");
    writeFileSync(join(this.directory, name), [JSON.stringify(header(name)), ...lines].join("\n"));
  }

  /** A line that is only half there yet, or garbage. */
  spoil(choice: Choice): void {
    const path = this.#pick(choice);
    if (path !== undefined)
      appendFileSync(path, ['{"type":"mess', "garbage\n", "\n\n", '"text"\n', "\u0000\n"][choice(5)] ?? "");
  }

  #pick(choice: Choice): string | undefined {
    const { names } = this;
    const name = names[choice(Math.max(1, names.length))];
    return name === undefined ? undefined : join(this.directory, name);
  }

  #entries(path: string, choice: Choice): string {
    let lines = "";
    for (let left = choice(4); left >= 0; left--) lines += this.#entry(path, choice);
    return lines;
  }

  #entry(path: string, choice: Choice): string {
    const id = `e${this.#count++}`;
    const time = new Date(Date.UTC(2026, 10, 1) + this.#count * 1000).toISOString();
    const base = { id, parentId: this.#parents.get(path) ?? null, timestamp: time };
    this.#parents.set(path, id);
    const message = (fields: object) =>
      `${JSON.stringify({ type: "message", ...base, message: { ...fields, timestamp: 0 } })}\n`;
    const text = textOf(choice);
    switch (choice(6)) {
      case 0:
        return `${JSON.stringify({ type: "session_info", ...base, name: text })}\n`;
      case 1:
        return message({
          role: "assistant",
          content: [
            { type: "text", text },
            { type: "toolCall", id: "c", name: "bash", arguments: { command: textOf(choice) } },
          ],
        });
      case 2: {
        // Longer than what is indexed, and some longer than what is parsed whole.
        const long = `${text} ${'filler\n\\" \u001b[0m '.repeat(choice(3) === 0 ? 3_000 : 100)} ${textOf(choice)}`;
        return message({
          role: "toolResult",
          toolCallId: "c",
          toolName: "bash",
          content: [{ type: "text", text: long }],
          isError: false,
        });
      }
      default:
        return message({ role: "user", content: [{ type: "text", text }] });
    }
  }
}

function textOf(choice: Choice): string {
  const separators = [" ", " ", " ", "\n", ", ", ".", "_", "", "\u3000"];
  let text = "";
  for (let left = choice(7); left >= 0; left--) {
    const list = choice(4) === 0 ? CODE : WORDS;
    text += (list[choice(list.length)] ?? "") + (separators[choice(separators.length)] ?? "");
  }
  return text;
}

function header(name: string): object {
  const id = /(s\d+)\.jsonl$/.exec(name)?.[1] ?? "s";
  return { type: "session", version: 3, id, timestamp: "2026-11-01T00:00:00.000Z", cwd: "/home/me/project" };
}
