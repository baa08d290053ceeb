import { PictlError } from "./errors.ts";

/** Longer ones can't be read in a list; a branch or a ticket's title fits. */
const MAX_LENGTH = 200;

/** Control characters, line separators, halves of surrogate pairs, and marks that turn the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
const INVISIBLE = /^[\p{Cf}\p{Z}]*$/u;
const FULL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A name as it is compared and stored: the same letters have one form, and white space around it doesn't count. */
export function normalName(name: string): string {
  return name.normalize("NFC").trim();
}

/**
 * The name in the form in which it is stored. Case counts; letters, spaces and slashes of any script are allowed.
 *
 * @throws PictlError INVALID_INPUT for one that can't be typed, can't be seen, or reads as an id
 */
export function checkName(given: string): string {
  const name = normalName(given);
  const problem = problemOf(name);
  if (problem === undefined) return name;
  throw new PictlError(
    "INVALID_INPUT",
    `${JSON.stringify(given)} can't be the name of a session: ${problem}.`,
    {
      hint: "Use words, digits, spaces and signs on one line, such as review or fix/login.",
      details: { name: given },
    },
  );
}

function problemOf(name: string): string | undefined {
  if (INVISIBLE.test(name)) return "it is empty";
  if (name.length > MAX_LENGTH) return `it has ${name.length} characters, the limit is ${MAX_LENGTH}`;
  if (UNPRINTABLE.test(name)) return "it contains a line break or another control character";
  if (name.startsWith("-")) return "it begins with a dash, as flags do";
  if (FULL_ID.test(name)) return "it has the form of a session id";
  return undefined;
}
