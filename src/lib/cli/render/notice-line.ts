import type { StreamRecord } from "../../protocol/stream.ts";
import { sanitize } from "./text-width.ts";

const MARKS = { info: "ℹ", warning: "⚠", error: "✖" } as const;

/**
 * A notice as a line of its own, or several for a widget; undefined when it takes something away that it has
 * shown before, or is for another place than lines (text for an input field).
 */
export function noticeLine(notice: Extract<StreamRecord, { type: "notice" }>): string | undefined {
  const { kind, level, key } = notice;
  const text = sanitize(notice.text).trimEnd();
  if (text === "" || kind === "prefill") return undefined;
  const label = kind === "status" || kind === "title" ? `${sanitize(key ?? kind)}: ` : "";
  return `${MARKS[level]} ${label}${text}`;
}
