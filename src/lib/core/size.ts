import { PictlError } from "./errors.ts";

const UNITS = ["", "K", "M", "G", "T"] as const;

/**
 * Bytes of `512M`, `4G`, `1.5GiB` or a plain number of bytes. Units are powers of 1024, with or without `B` or
 * `iB`, as the kernel's own limits are.
 *
 * @throws PictlError USAGE
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?$/i.exec(text.trim());
  const power = UNITS.findIndex((unit) => unit === (match?.[2] ?? "").toUpperCase());
  const bytes = match === null ? Number.NaN : Math.round(Number(match[1]) * 1024 ** power);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new PictlError("USAGE", `"${text}" is not a size.`, {
    hint: "Write it as 512M, 4G or 1048576.",
    details: { value: text },
  });
}

/** A number of bytes as it is written in a file: in the largest unit that gives a whole number. */
export function formatSize(bytes: number): string {
  for (let power = UNITS.length - 1; power > 0; power--) {
    const unit = 1024 ** power;
    if (bytes > 0 && bytes % unit === 0) return `${bytes / unit}${UNITS[power]}`;
  }
  return String(bytes);
}
