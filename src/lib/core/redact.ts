import type { Environment } from "./paths.ts";

/**
 * Every variable of pi's docs/providers.md that holds a secret matches (a test reads that page). Too much is
 * blacked out rather than too little.
 */
const SECRET_NAME =
  /KEY(?!BOARD|MAP)|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH(?!OR(?:S?_|S?$))|BEARER|COOKIE|(?:^|_)(?:PASS|PAT|PWD)$/i;
/** The shell's own directories, and places that say where a secret is: needed to understand a message. */
const HARMLESS_NAME =
  /^(?:PWD|OLDPWD|XAUTHORITY|GOOGLE_APPLICATION_CREDENTIALS)$|_(?:FILE|PATH|DIR|SOCK|URI)$/i;
/** Whether a variable of this name is likely to hold a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
}

/** Shorter values (`true`, `1`, a user name) would black out ordinary words. */
const MIN_SECRET_LENGTH = 8;
/** A line of a longer secret, such as a private key; a short one may be ordinary text. */
const MIN_SECRET_LINE_LENGTH = 20;

/** Shapes of credentials that are recognised wherever they stand. None of them backtracks over long text. */
const SECRET_SHAPES = new RegExp(
  [
    String.raw`\bsk-[\w-]{16,}`,
    String.raw`\b(?:gh[pousr]_|github_pat_|hf_|npm_)\w{20,}`,
    String.raw`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`,
    String.raw`\bxox[abeprs]-[\w-]{10,}`,
    String.raw`\bAIza[\w-]{30,}`,
    String.raw`\bglpat-[\w-]{16,}`,
    String.raw`\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}`,
    String.raw`(?<=\b(?:Bearer|Basic) )[\w.~+/=-]{16,}`,
    // The password of a URL.
    String.raw`(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@]{1,256}(?=@)`,
    String.raw`-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)`,
  ].join("|"),
  "gi",
);

/**
 * Gives a function that blacks out secrets: the values of variables whose names look secret, as they are, as
 * JSON and as a URL writes them, become `[redacted:NAME]`; texts that have the shape of a common credential
 * become `[redacted]`. Its cost grows with the length of the text times the number of such variables.
 *
 * A text that was cut inside a secret still shows the rest of it: cut at line ends, or after redacting.
 */
export function createRedactor(env: Environment): (text: string) => string {
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !isSecretName(name)) continue;
    for (const form of writtenForms(value)) if (!names.has(form)) names.set(form, name);
  }
  // A secret that contains another one must go first, or its rest would stay.
  const secrets = [...names].sort(([a], [b]) => b.length - a.length);
  return (text) => {
    let result = text;
    for (const [value, name] of secrets) result = result.replaceAll(value, () => `[redacted:${name}]`);
    return result.replace(SECRET_SHAPES, "[redacted]");
  };
}

function writtenForms(value: string): string[] {
  const whole = value.trim();
  if (whole.length < MIN_SECRET_LENGTH) return [];
  const lines = whole.split(/\r?\n/);
  const parts = lines.length === 1 ? [] : lines.filter((line) => line.length >= MIN_SECRET_LINE_LENGTH);
  return [whole, JSON.stringify(whole).slice(1, -1), encodeURIComponent(whole.toWellFormed()), ...parts];
}
