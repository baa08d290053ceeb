import { statSync } from "node:fs";
import { attachmentPath } from "../prompt/attachment-path.ts";
import type { Image } from "../prompt/read-attachment.ts";

/** `@name` or `@"a name"` at the beginning of a word. */
const MENTION = /(?<=^|\s)@(?:"([^"\n]+)"|(\S+))/g;

/** The files that a text mentions with `@`, once each. What isn't a file is text: `@somebody`. */
export function mentionedFiles(text: string): string[] {
  const names = [...text.matchAll(MENTION)].flatMap(([, quoted, plain = ""]) => {
    // A sentence may go on, or end, behind a name.
    const candidates = quoted === undefined ? [plain, plain.replace(/[.,;:!?)\]]+$/, "")] : [quoted];
    return candidates.find(isFile) ?? [];
  });
  return [...new Set(names)];
}

function isFile(name: string): boolean {
  if (name === "") return false;
  try {
    return statSync(attachmentPath(name)).isFile();
  } catch {
    // Not there, or behind something that isn't a directory or may not be entered: text, then.
    return false;
  }
}

/**
 * A message with the files that it mentions, as `pictl prompt` attaches them: before the text, or behind it
 * where it begins with `/` and is for a command of pi's.
 *
 * @param limit bytes that a request may have
 * @throws PictlError INVALID_INPUT, MESSAGE_TOO_LARGE
 */
export async function attach(text: string, limit: number): Promise<{ message: string; images?: Image[] }> {
  const names = mentionedFiles(text);
  if (names.length === 0) return { message: text };
  const { checkImagesFit, readAttachment } = await import("../prompt/read-attachment.ts");
  const attachments = [];
  for (const name of names) attachments.push(await readAttachment(name));
  const texts = attachments.map((attachment) => attachment.text);
  const message = (text.startsWith("/") ? [text, ...texts] : [...texts, text]).join("\n\n");
  const images = attachments.flatMap(({ image }) => image ?? []);
  checkImagesFit(message, images, limit);
  return { message, ...(images.length === 0 ? {} : { images }) };
}
