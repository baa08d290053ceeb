import { nearest } from "../core/nearest.ts";

/** What oclif's errors about flags carry (its lib/parser/errors.js). */
interface FlagError extends Error {
  flags?: unknown;
  parse?: { input?: { flags?: Record<string, { allowNo?: boolean; hidden?: boolean }> } };
}

/** The flags that don't exist and those that may have been meant; undefined for any other error. */
export function unknownFlags(error: FlagError): { flags: string[]; suggestions: string[] } | undefined {
  if (!Array.isArray(error.flags) || !error.message.startsWith("Nonexistent flag")) return undefined;
  const flags = error.flags.map(String);
  const known = Object.entries(error.parse?.input?.flags ?? {}).flatMap(([name, { allowNo, hidden }]) =>
    hidden ? [] : [`--${name}`, ...(allowNo ? [`--no-${name}`] : [])],
  );
  const suggestions = flags.flatMap((flag) =>
    flag.startsWith("--") ? nearest(flag.split("=", 1)[0] ?? "", [...known, "--help"]) : [],
  );
  return { flags, suggestions: [...new Set(suggestions)] };
}

/** The value that a flag doesn't have and the one that may have been meant; undefined for any other error. */
export function unknownValue(
  message: string,
): { flag: string; value: string; suggestions: string[] } | undefined {
  const [, flag, value, options] = /^Expected (--[\w-]+)=(.*) to be one of: (.*)$/s.exec(message) ?? [];
  if (flag === undefined || value === undefined || options === undefined) return undefined;
  return { flag, value, suggestions: nearest(value, options.split(", ")) };
}
