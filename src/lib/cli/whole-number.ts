import { PictlError } from "../core/errors.ts";

/** The value of a flag that counts something, up to `max`. Throws USAGE. (oclif's own integer flag isn't in the fast build.) */
export function wholeNumber(text: string, flag: string, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? "of 0 or more" : `from 0 to ${max}`;
  throw new PictlError("USAGE", `${flag} takes a whole number ${range}, not "${text}".`, {
    details: { flag, value: text },
  });
}
