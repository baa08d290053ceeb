import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { rawTerminalOutput, withoutScript } from "../support/pseudo-terminal.ts";
import { BIN, Workspace } from "../support/workspace.ts";

const HOSTILE =
  "bad \u001b]0;title\u0007\u001b[2J\u001b[31mred \u009b2J \u202eover \u001b]52;c;aGk=\u0007end";
/** Whatever goes beyond our own styles and spinner. Line ends are CR LF on a terminal. */
const CONTROLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  /\u001b(?!\[(?:(?:[123]|2[23]|3[1236]|39)m|\?25[hl]|\d?[AGK]))|[\u0000-\u0008\u000b\u000c\u007f-\u009f\u202a-\u202e]|\r(?!\r*\n)/;

/** A shell's exit code and stderr for one command line; `$pictl` runs pictl. */
async function shell(place: Workspace, line: string): Promise<{ code: number | null; stderr: string }> {
  const env = { ...place.env, pictl: `${process.execPath} ${BIN}` } as NodeJS.ProcessEnv;
  const child = spawn("bash", ["-c", line], { cwd: place.cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stderr };
}

describe("output", () => {
  let place: Workspace;
  before(async () => {
    place = new Workspace();
    const responses = [[{ error: HOSTILE }], [{ thinking: HOSTILE }, { text: HOSTILE }]];
    writeFileSync(join(place.cwd, "hostile.json"), JSON.stringify({ responses }));
    await place.ok(["session", "create", "--model", "scripted/hostile.json", "--name", "one"]);
  });
  after(() => place.dispose());

  it("brings no escape sequence of others to a terminal", { skip: withoutScript() }, async () => {
    const commands = [
      "prompt fail",
      "prompt speak",
      "prompt --format stream-json again",
      `prompt -s "no${HOSTILE}such" hi`,
      `session rename "${HOSTILE}"`,
      ...[
        "session last",
        "session show --messages",
        "session list",
        "session tree",
        "session messages --json",
      ],
      ...["session export", "session export -o /dev/tty", "history search over", `"${HOSTILE}"`],
      `session bash 'printf "${HOSTILE}"'`,
    ];
    const raw = await rawTerminalOutput(place, commands.map((command) => `$pictl ${command}\n`).join(""));
    const text = raw.toString("utf8");
    assert.match(text, /Error: bad red {2}over end \[TURN_FAILED\]/);
    const at = text.search(CONTROLS);
    assert.equal(at, -1, JSON.stringify(text.slice(Math.max(0, at - 80), at + 80)));
  });

  it("leaves a pipe the exact text", async () => {
    assert.equal(
      await place.ok(["prompt", "--new", "--model", "scripted/echo", HOSTILE]),
      `echo: ${HOSTILE}`,
    );
  });

  it("tells of an answer that could not be written, with an exit code of its own", async () => {
    const commands = [
      ...["prompt hi", "prompt --json hi", "session list", "session export", "session bash 'echo hi'"],
      ...["--help", "--version", "completion bash"],
    ];
    for (const command of commands) {
      const { code, stderr } = await shell(place, `$pictl ${command} > /dev/full`);
      assert.equal(code, 1, `${command}\n${stderr}`);
      assert.match(
        stderr,
        /^Error: Cannot write to stdout: the disk is full\. \[OUTPUT_FAILED\]\n.+\n$/,
        command,
      );
    }
  });

  it("tells of a file that took a part of the answer", async () => {
    const { code, stderr } = await shell(place, `ulimit -f 1; $pictl prompt ${"x".repeat(3000)} > part`);
    assert.match(stderr, /the file reached its size limit/);
    assert.equal(code, 1);
  });

  it("keeps the turn's exit code where stderr takes nothing, or a reader has gone", async () => {
    const codes = [
      ["$pictl prompt hi 2> /dev/full", 0],
      ["$pictl prompt -s nosuch hi 2> /dev/full", 4],
      ["$pictl prompt -s nosuch hi 2>&-", 4],
      ["$pictl prompt -s nosuch --json hi > /dev/full", 4],
      ["$pictl prompt hi <&- >&- 2>&-", 0],
      ["set -o pipefail; $pictl prompt hi | true", 0],
    ] as const;
    for (const [line, expected] of codes) {
      const { code, stderr } = await shell(place, line);
      assert.equal(code, expected, `${line}\n${stderr}`);
      assert.doesNotMatch(stderr, /^\s+at /m);
    }
  });
});
