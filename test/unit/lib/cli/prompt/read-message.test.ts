import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  checkImagesFit,
  MAX_IMAGE_BYTES,
  MAX_TEXT_BYTES,
} from "../../../../../src/lib/cli/prompt/read-attachment.ts";
import { literalWords, readMessage } from "../../../../../src/lib/cli/prompt/read-message.ts";
import { GIF, JPEG, png, WEBP } from "../../../../support/images.ts";

describe("readMessage", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "pictl-message-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const file = (name: string, content: string | Buffer): string => {
    const path = join(dir, name);
    writeFileSync(path, content);
    return path;
  };
  const read = (...words: string[]) => readMessage({ words, stdin: false });

  it("puts the files first, as pi does, and the words behind them", async () => {
    const notes = file("notes.md", "\uFEFFline one\nline two\n");
    const { message, images } = await read("what", `@${notes}`, "is this");
    assert.equal(message, `<file name="${notes}">\nline one\nline two\n\n</file>\nwhat is this`);
    assert.deepEqual(images, []);
  });

  it("takes a file for what its content says, whatever its name", async () => {
    const paths = [
      file("picture.txt", png(2, 2)),
      file("b.png", JPEG),
      file("c", GIF),
      file("d.jpg", WEBP),
      file("e.png", "only text"),
    ];
    const { message, images } = await read("look", ...paths.map((path) => `@${path}`));
    assert.deepEqual(
      images.map(({ mimeType }) => mimeType),
      ["image/png", "image/jpeg", "image/gif", "image/webp"],
    );
    assert.ok(Buffer.from(images[0]?.data ?? "", "base64").equals(png(2, 2)));
    const names = paths.slice(0, 4).map((path) => `<file name="${path}"></file>\n`);
    assert.equal(message, `${names.join("")}<file name="${paths[4]}">\nonly text\n</file>\nlook`);
  });

  it("needs no words beside a file, and shows a model that a file is empty", async () => {
    const empty = file("empty.log", "");
    assert.equal((await read(`@${empty}`)).message, `<file name="${empty}"></file>`);
  });

  it("leaves a text that begins with / at the start, its name ended by a space", async () => {
    const notes = file("notes.md", "text");
    const element = `<file name="${notes}">\ntext\n</file>`;
    assert.equal((await read("/review", `@${notes}`)).message, `/review ${element}`);
    assert.equal((await read(`@${notes}`, "/review", "the tone")).message, `/review the tone\n\n${element}`);
    const piped = await readMessage({ words: ["/review"], file: notes, stdin: false });
    assert.equal(piped.message, "/review text");
  });

  it("takes as text: @ alone, a sentence that begins with @, and all behind --", async () => {
    assert.equal((await read("what", "does", "@", "mean")).message, "what does @ mean");
    assert.equal((await read("@alice says hi")).message, "@alice says hi");
    const literal = await readMessage({ words: ["ask", "@alice", "-"], literal: 2, stdin: false });
    assert.equal(literal.message, "ask @alice -");
    assert.equal(literalWords(["ask", "--", "@alice", "-"]), 2);
    assert.equal(literalWords(["ask", "@alice"]), 0);
  });

  it("attaches a file with spaces in its name, and expands ~", async () => {
    const spaced = file("two words.md", "spaced");
    assert.match((await read(`@${spaced}`)).message, /two words\.md">\nspaced/);
    const home = process.env.HOME;
    process.env.HOME = dir;
    try {
      assert.match((await read("@~/two words.md")).message, /spaced/);
    } finally {
      if (home === undefined) delete process.env.HOME;
      else process.env.HOME = home;
    }
  });

  it("refuses what can't be attached, naming what it is", async () => {
    mkdirSync(join(dir, "sub"));
    const zip = Buffer.from("PK\x03\x04\x14\0\0\0", "latin1");
    const cases: [word: string, pattern: RegExp, code?: string][] = [
      [`@${dir}/sub`, /it is a directory/],
      [`@${dir}/missing file`, /there is no file .*missing file/],
      [`@${file("a.pdf", "%PDF-1.7\nplain")}`, /it is a PDF document/],
      [`@${file("a.docx", zip)}`, /it is a ZIP archive/],
      [`@${file("a.heic", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0", "latin1"))}`, /it is a HEIC picture/],
      [`@${file("a.bmp", Buffer.from("BM\x46\0\0\0", "latin1"))}`, /it is a BMP picture/],
      [`@${file("nul.txt", "a\0b")}`, /it is binary data/],
      [`@${file("latin.txt", Buffer.from("caf\xe9", "latin1"))}`, /it is text that is not valid UTF-8/],
      [`@${file("utf16.txt", Buffer.from("\uFEFFhi", "utf16le"))}`, /it is text in UTF-16/],
      [`@${file("cut.png", png(99, 99).subarray(0, 90))}`, /the picture \(image\/png\) is cut off/],
      [`@${file("long.txt", "x".repeat(MAX_TEXT_BYTES + 1))}`, /a text may have 4 MiB/, "MESSAGE_TOO_LARGE"],
      [`@${file("huge", Buffer.alloc(MAX_IMAGE_BYTES + 1))}`, /a file may have 32 MiB/, "MESSAGE_TOO_LARGE"],
    ];
    for (const [word, message, code = "INVALID_INPUT"] of cases) {
      await assert.rejects(read("look", word), { code, message }, word);
    }
    await assert.rejects(read("@nobody"), { hint: /pictl prompt -- "@nobody"/ });
  });

  it("refuses to read stdin twice, and an empty prompt", async () => {
    await assert.rejects(read("-", "-"), { code: "USAGE" });
    await assert.rejects(readMessage({ words: ["-"], file: "-", stdin: true }), { code: "USAGE" });
    await assert.rejects(read(" "), { code: "EMPTY_PROMPT" });
  });

  it("lets the text be edited, with the files beside it", async () => {
    const notes = file("notes.md", "text");
    const editor = file("editor.sh", '#!/bin/sh\ncat "$1" > "$0.seen"; echo edited > "$1"\n');
    chmodSync(editor, 0o755);
    const edit = (EDITOR: string, ...words: string[]) => {
      const { VISUAL, EDITOR: before } = process.env;
      Object.assign(process.env, { VISUAL: "", EDITOR });
      return readMessage({ words, stdin: false, editor: true }).finally(() => {
        delete process.env.VISUAL;
        delete process.env.EDITOR;
        if (VISUAL !== undefined) process.env.VISUAL = VISUAL;
        if (before !== undefined) process.env.EDITOR = before;
      });
    };
    const { message } = await edit(editor, "first", `@${notes}`);
    assert.equal(message, `<file name="${notes}">\ntext\n</file>\nedited`);
    const seen = await readMessage({ words: [], file: `${editor}.seen`, stdin: false });
    assert.equal(seen.message, "first");
    await assert.rejects(edit("cp /dev/null", "first", `@${notes}`), { code: "EMPTY_PROMPT" });
  });
});

describe("checkImagesFit", () => {
  it("counts a picture as base64", () => {
    const image = { type: "image" as const, mimeType: "image/png", data: "A".repeat(90_000) };
    checkImagesFit("text", [image], 120_000);
    assert.throws(() => checkImagesFit("text", [image, image], 120_000), {
      code: "MESSAGE_TOO_LARGE",
      message: /2 pictures have 180000 bytes as base64/,
    });
  });
});
