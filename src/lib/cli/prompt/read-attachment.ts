import { statSync } from "node:fs";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import type { RequestParams } from "../../protocol/requests.ts";
import { attachmentPath } from "./attachment-path.ts";
import { binaryType } from "./binary-type.ts";
import { imageType } from "./image-type.ts";
import { readFileOfAnyKind } from "./read-file.ts";

/** About a million tokens: more than the context window of nearly every model. */
export const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** No camera or screen makes a larger picture; what the request may have (config.toml) is usually less. */
export const MAX_IMAGE_BYTES = 32 * 1024 * 1024;

/** Spare room for what else is in the request, and for what its JSON escapes in a text of ordinary length. */
const ENVELOPE_BYTES = 16 * 1024;

export type Image = NonNullable<RequestParams<"prompt">["images"]>[number];

/** A file that was named with `@`: `text` is what stands for it in the prompt. */
export interface Attachment {
  /** Absolute. */
  path: string;
  text: string;
  image?: Image;
}

/**
 * Reads a file for a prompt, as pi does for `pi @file`: a text becomes `<file name="…">…</file>`, a picture an
 * image and an empty `<file>` that names it. What a file is decides its content, never its name. Pictures go
 * out as they are, for pi resizes them itself (its setting `images.autoResize`).
 *
 * @param name as it was typed, without the `@`; counts from the shell's directory, `~/` from the home directory
 * @throws PictlError INVALID_INPUT (can't be read, a directory, neither text nor picture), MESSAGE_TOO_LARGE
 */
export async function readAttachment(name: string): Promise<Attachment> {
  const path = attachmentPath(name);
  const bytes = await readBounded(path, name);
  const details = { path, bytes: bytes.length };
  const type = imageType(bytes);
  if (type === undefined) return { path, text: fileElement(path, decodeText(bytes, name, path)) };
  if ("unsupported" in type) {
    throw new PictlError("INVALID_INPUT", `Cannot attach ${name}: it is ${type.unsupported}.`, {
      hint: "Convert it to an ordinary PNG or JPEG first.",
      details,
    });
  }
  const { mimeType, complete } = type;
  if (!complete) {
    throw new PictlError("INVALID_INPUT", `Cannot attach ${name}: the picture (${mimeType}) is cut off.`, {
      hint: "Copy or download it again.",
      details,
    });
  }
  return {
    path,
    text: fileElement(path, ""),
    image: { type: "image", data: bytes.toString("base64"), mimeType },
  };
}

/**
 * A picture is base64 in the request, a third more than its file has.
 *
 * @param limit of a request, as the daemon told it
 * @throws PictlError MESSAGE_TOO_LARGE
 */
export function checkImagesFit(message: string, images: readonly Image[], limit: number): void {
  const imageBytes = images.reduce((sum, { data }) => sum + data.length, 0);
  if (imageBytes + Buffer.byteLength(message) + ENVELOPE_BYTES <= limit) return;
  const [what, has] = images.length === 1 ? ["picture", "has"] : [`${images.length} pictures`, "have"];
  throw new PictlError(
    "MESSAGE_TOO_LARGE",
    `The ${what} ${has} ${imageBytes} bytes as base64; with the text that is more than a request may have, ${limit} bytes.`,
    {
      hint: "Make it smaller (pi shows a model 2000 pixels a side at most), give the path without the @ so that the agent reads the file itself, or raise limits.max_message_bytes with `pictl config set` and run `pictl daemon restart`.",
      details: { bytes: imageBytes, limit: "max_message_bytes", value: limit },
    },
  );
}

function fileElement(path: string, content: string): string {
  const body = content === "" ? "" : `\n${content}\n`;
  return `<file name="${path}">${body}</file>`;
}

function decodeText(bytes: Buffer, name: string, path: string): string {
  const text = bytes.includes(0) || bytes.toString("latin1", 0, 5) === "%PDF-" ? undefined : utf8(bytes);
  if (text === undefined) {
    const { what, hint } = binaryType(bytes);
    throw new PictlError("INVALID_INPUT", `Cannot attach ${name}: it is ${what}.`, {
      hint,
      details: { path, bytes: bytes.length },
    });
  }
  if (bytes.length > MAX_TEXT_BYTES) throw tooLarge(name, path, "a text", MAX_TEXT_BYTES);
  return text;
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // The caller says what it is instead.
    return undefined;
  }
}

/** Reads no more than the largest attachment has: the name may be that of a device or a pipe. */
async function readBounded(path: string, name: string): Promise<Buffer> {
  try {
    if (statSync(path).isDirectory()) {
      throw new PictlError("INVALID_INPUT", `Cannot attach ${name}: it is a directory.`, {
        hint: "Name the files in it, or give the path without the @: the agent can look into it.",
        details: { path },
      });
    }
    const exceeded = () => tooLarge(name, path, "a file", MAX_IMAGE_BYTES);
    return await readFileOfAnyKind(path, name, { bytes: MAX_IMAGE_BYTES, exceeded });
  } catch (error) {
    if (error instanceof PictlError) throw error;
    const code = systemErrorCode(error) ?? String(error);
    const missing = code === "ENOENT";
    throw new PictlError(
      "INVALID_INPUT",
      missing ? `Cannot attach ${name}: there is no file ${path}.` : `Cannot attach ${name}: ${code}.`,
      {
        hint: missing
          ? `To send @${name} as text, put it behind --: pictl prompt -- "@${name}"`
          : "Check its permissions.",
        details: { path },
        cause: error,
      },
    );
  }
}

function tooLarge(name: string, path: string, what: string, limit: number): PictlError {
  const mebibytes = limit / (1024 * 1024);
  return new PictlError(
    "MESSAGE_TOO_LARGE",
    `Cannot attach ${name}: ${what} may have ${mebibytes} MiB (${limit} bytes) at most.`,
    {
      hint: "Give the path without the @, so that the agent reads what it needs.",
      details: { path, limit: "attachment_bytes", value: limit },
    },
  );
}
