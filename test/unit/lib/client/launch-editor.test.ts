import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { editText } from "../../../../src/lib/client/launch-editor.ts";

describe("editText", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-editor-test-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** An editor that runs a few lines of shell with the file as `$1`, and its path for a shell. */
  const editor = (script: string): string => {
    const path = join(dir, "my editor");
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return `"${path}"`;
  };

  it("gives what was saved, and shows the editor the text so far in a private file that is removed", async () => {
    const EDITOR = editor(`
      { ls -l "$1"; cat "$1"; echo "$1"; } > "${dir}/seen"
      printf 'two\\nlines\\n' > "$1"; cp "$1" "$1~"`);
    assert.equal(await editText("so far", { env: { ...process.env, VISUAL: "", EDITOR } }), "two\nlines");
    const seen = readFileSync(join(dir, "seen"), "utf8").trimEnd().split("\n");
    assert.match(seen[0] ?? "", /^-rw------- /);
    assert.equal(seen[1], "so far");
    assert.match(seen[2] ?? "", /\.md$/);
    assert.throws(() => readdirSync(join(seen[2] ?? "", "..")), { code: "ENOENT" });
  });

  it("leaves a text alone that the editor leaves alone", async () => {
    for (const text of ["", "one line", "ends\n", "ends twice\n\n", "…\t\u2028"])
      assert.equal(await editText(text, { env: { ...process.env, VISUAL: "true" } }), text);
  });

  it("prefers $VISUAL, takes arguments from it, and names the file as asked", async () => {
    const VISUAL = `${editor('echo "$1 $#" > "$2"; basename "$2" >> "$2"')} --wait`;
    const env = { ...process.env, VISUAL, EDITOR: "false" };
    assert.equal(await editText("", { env, suffix: ".json" }), "--wait 2\ntext.json");
  });

  it("says how an editor failed, and leaves nothing behind", async () => {
    const TMPDIR = process.env.TMPDIR;
    process.env.TMPDIR = dir;
    try {
      const failing = (VISUAL: string) => editText("text", { env: { ...process.env, VISUAL } });
      await assert.rejects(failing(editor("exit 3")), {
        code: "INVALID_INPUT",
        message: /exited with code 3/,
        details: { editor: `"${join(dir, "my editor")}"`, exitCode: 3 },
      });
      await assert.rejects(failing("no-such-editor-here 2>/dev/null"), { message: /could not be run/ });
      await assert.rejects(failing(editor("kill -KILL $$")), { message: /was ended by SIGKILL/ });
      await assert.rejects(failing(editor("printf 'caf\\351' > \"$1\"")), { message: /not valid UTF-8/ });
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
    assert.deepEqual(readdirSync(dir), ["my editor"]);
  });
});
