import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { attach, mentionedFiles } from "../../../../../src/lib/cli/conversation/attach.ts";

const directory = mkdtempSync(join(tmpdir(), "pictl-attach-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const notes = join(directory, "notes.txt");
const spaced = join(directory, "two words.txt");
writeFileSync(notes, "hello");
writeFileSync(spaced, "spaced");
mkdirSync(join(directory, "sub"));

test("files are what is one; the rest is text", () => {
  const text = `see @${notes}, @"${spaced}" and (@${notes}) @${notes}. @nobody a@${notes} @${directory}/sub`;
  assert.deepEqual(mentionedFiles(text), [notes, spaced]);
  assert.deepEqual(mentionedFiles("mail me@example.org or @ or @@"), []);
});

test("what is in a file goes before the message, or behind a command of pi's", async () => {
  const file = `<file name="${notes}">\nhello\n</file>`;
  assert.deepEqual(await attach(`see @${notes}`, 1e6), { message: `${file}\n\nsee @${notes}` });
  assert.deepEqual(await attach(`/review @${notes}`, 1e6), { message: `/review @${notes}\n\n${file}` });
  assert.deepEqual(await attach("nothing", 1e6), { message: "nothing" });
});
