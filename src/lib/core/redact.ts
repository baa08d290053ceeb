import type { Environment } from "./paths.ts";

const SECRET_NAME = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE|SESSION_ID$/i;
/** pi's own variables about sessions look secret by name and are not. */
const HARMLESS_NAME = /^(PI_SESSION_ID|SSH_AUTH_SOCK|XAUTHORITY)$/;
/** Shorter values (`true`, `1`, a user name) would black out ordinary words. */
const MIN_SECRET_LENGTH = 8;
/** Shapes of credentials that are recognised wherever they stand. */
const SECRET_SHAPES =
  /\b(sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}|glpat-[\w-]{16,})|(?<=\bBearer )[\w.~+/=-]{16,}/g;

/**
 * Gives a function that blacks out secrets: the values of variables whose names look secret, and texts that
 * have the shape of a common credential.
 */
export function createRedactor(env: Environment): (text: string) => string {
  const secrets = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    value !== undefined && value.length >= MIN_SECRET_LENGTH && SECRET_NAME.test(name) && !HARMLESS_NAME.test(name)
      ? [[value, name]]
      : [],
  );
  // A secret that contains another one must go first, or its rest would stay.
  secrets.sort(([a], [b]) => b.length - a.length);
  return (text) => {
    let result = text;
    for (const [value, name] of secrets) result = result.replaceAll(value, `[redacted:${name}]`);
    return result.replace(SECRET_SHAPES, "[redacted]");
  };
}
