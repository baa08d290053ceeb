import { PictlError } from "../core/errors.ts";

/** The value of a flag that counts something. Throws USAGE. (oclif's own integer flag isn't in the fast build.) */
export function wholeNumber(text: string, flag: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new PictlError("USAGE", `${flag} takes a whole number of 0 or more, not "${text}".`, {
    details: { flag, value: text },
  });
}
