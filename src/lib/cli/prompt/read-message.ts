import { existsSync } from "node:fs";
import { PictlError } from "../../core/errors.ts";
import { writeStderr } from "../output.ts";
import { attachmentPath } from "./attachment-path.ts";
import type { Attachment, Image } from "./read-attachment.ts";
import {
  checkEncoding,
  isPiped,
  isSharedStdin,
  readStdin,
  readTextFile,
  sharedStdinNotice,
} from "./text-sources.ts";

export interface MessageSources {
  /** The words of the command line: `@name` is a file, `-` is stdin. */
  words: readonly string[];
  /** How many of them, counted from the end, stood behind `--` and are text whatever they look like. */
  literal?: number;
  /** A file whose text is added; `-` is stdin. */
  file?: string | undefined;
  /** Whether piped stdin is read. */
  stdin: boolean;
  /** Whether the text is edited before it is taken. */
  editor?: boolean | undefined;
}

/** What a prompt is made of. */
export interface PromptInput {
  message: string;
  /** The pictures among the attached files, as pi's `images` want them. */
  images: Image[];
}

/**
 * The text and the pictures of a prompt: the attached files first, as with `pi @file`, then the words of the
 * command line, the file, and what was piped in, with an empty line between them.
 *
 * @throws PictlError EMPTY_PROMPT, USAGE (stdin twice), INVALID_INPUT (unreadable or unfit file, invalid UTF-8,
 *   an editor that failed), MESSAGE_TOO_LARGE
 */
export async function readMessage(sources: MessageSources): Promise<PromptInput> {
  const { words, literal = 0, file, stdin, editor } = sources;
  checkEncoding(words);
  const typed = words.slice(0, words.length - literal).map(classifyWord);
  const named = typed.filter((word) => word.kind === "stdin").length + (file === "-" ? 1 : 0);
  if (named > 1) {
    throw new PictlError("USAGE", "stdin can be read only once, and - was given twice.", {
      hint: "Leave out all but one of them.",
    });
  }
  // Before stdin, which may be long in coming: a name that is wrong is told at once.
  const attachments = await readAttachments(typed);
  const unasked = named === 0 && stdin && isPiped();
  const isShared = unasked && (words.length > 0 || file !== undefined) && isSharedStdin();
  const piped = named === 1 || unasked ? await readStdin() : "";
  if (isShared && piped.trim() !== "") await writeStderr(sharedStdinNotice(piped));
  const behind = words.slice(words.length - literal).map((text) => ({ kind: "text" as const, text }));
  const parts = joinWords([...typed, ...behind], piped);
  if (file !== undefined && file !== "-") parts.push(await readTextFile(file));
  if (file === "-" || named === 0) parts.push(piped);
  let text = joinParts(parts);
  if (editor) {
    const { editText } = await import("../../client/launch-editor.ts");
    text = (await editText(text)).trimEnd();
  }
  const message = withAttachments(text, attachments);
  // Also with a file: who closes an editor on nothing has changed their mind.
  if (message.trim() === "" || (editor && text.trim() === "")) {
    throw new PictlError("EMPTY_PROMPT", editor ? "The editor left no text." : "The prompt is empty.", {
      hint: editor
        ? "Nothing was sent."
        : 'Give it as an argument, on stdin or with --file: pictl prompt "fix the tests"',
    });
  }
  return { message, images: attachments.flatMap(({ image }) => image ?? []) };
}

/** How many words of a command line stand behind its `--`. */
export function literalWords(argv: readonly string[]): number {
  const end = argv.indexOf("--");
  return end === -1 ? 0 : argv.length - end - 1;
}

type Word = { kind: "text"; text: string } | { kind: "stdin" } | { kind: "file"; name: string };

/** A sentence that begins with @ is one, unless there is such a file or it is a path beyond doubt. */
function classifyWord(word: string): Word {
  if (word === "-") return { kind: "stdin" };
  if (!/^@./s.test(word)) return { kind: "text", text: word };
  const name = word.slice(1);
  const sentence = /\s/.test(name) && !/^(\.{0,2}|~)\//.test(name) && !existsSync(attachmentPath(name));
  return sentence ? { kind: "text", text: word } : { kind: "file", name };
}

async function readAttachments(words: readonly Word[]): Promise<Attachment[]> {
  const names = words.flatMap((word) => (word.kind === "file" ? [word.name] : []));
  if (names.length === 0) return [];
  const { readAttachment } = await import("./read-attachment.ts");
  const attachments: Attachment[] = [];
  // One after the other, so that the first that is wrong is the one that is named.
  for (const name of names) attachments.push(await readAttachment(name));
  return attachments;
}

/** The words in their order, what is next to each other joined by a space; stdin stands where its `-` was. */
function joinWords(words: readonly Word[], piped: string): string[] {
  const parts: string[] = [];
  let sentence: string[] = [];
  for (const word of words) {
    if (word.kind === "text") sentence.push(word.text);
    if (word.kind !== "stdin") continue;
    parts.push(sentence.join(" "), piped);
    sentence = [];
  }
  return [...parts, sentence.join(" ")];
}

function joinParts(parts: readonly string[]): string {
  return parts
    .map((part) => part.trimEnd())
    .filter((part) => part !== "")
    .reduce((text, part) => (text === "" ? part : text + separatorBehind(text) + part), "");
}

/** pi takes the name of an extension's command or of a skill to end at a space, and at nothing else. */
function separatorBehind(text: string): string {
  return /^\/\S+$/.test(text) ? " " : "\n\n";
}

/** Before the text as pi has it, but behind a text that begins with `/`: pi knows a command only at the start. */
function withAttachments(text: string, attachments: readonly Attachment[]): string {
  if (attachments.length === 0) return text;
  const files = attachments.map((attachment) => attachment.text).join("\n");
  if (text.trim() === "") return files;
  return text.startsWith("/") ? `${text}${separatorBehind(text)}${files}` : `${files}\n${text}`;
}
