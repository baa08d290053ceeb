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

/**
 * A name in capitals that says what is behind it, up to the value. The short words mean something else when they
 * stand alone (`PASS: 12 tests`).
 */
const NAMED =
  "(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|[A-Z0-9]_(?:KEY|PASS|PWD|PAT|AUTH|COOKIE))";
/** What stands there instead of a value: a variable, a placeholder, code that gets or compares it, what was blacked out before. */
const NO_VALUE = String.raw`(?![$<{(=]|\[redacted|process\.env|[\w.]{1,64}(?:\(\)|[[(]["']))`;
/** As it stands, and within a JSON text. */
const QUOTE = String.raw`\\?["']`;

/**
 * Shapes of credentials that are recognised wherever they stand. None goes back over long text: what is repeated
 * without a bound either ends the pattern, or begins where the same can't have begun a moment before.
 */
const SECRET_SHAPES: Readonly<Record<string, string>> = {
  "OpenAI, Anthropic, OpenRouter, DeepSeek and others": String.raw`\bsk-[\w-]{16,}`,
  "Groq, Vercel, Fireworks, Hugging Face, npm, GitHub": String.raw`\b(?:gsk_|vck_|fw_|hf_|npm_|gh[pousr]_)[A-Za-z0-9]{20,}`,
  "xAI, Cerebras": String.raw`\b(?:xai|csk)-[A-Za-z0-9]{20,}`,
  NVIDIA: String.raw`\bnvapi-[\w-]{20,}`,
  "GitHub, fine-grained": String.raw`\bgithub_pat_\w{20,}`,
  GitLab: String.raw`\bglpat-[\w-]{16,}`,
  PyPI: String.raw`\bpypi-\w{16}[\w-]*`,
  "AWS access key": String.raw`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`,
  "Azure connection string": String.raw`(?<=(?:Account|SharedAccess)Key=)[\w+/=]{16,}`,
  DigitalOcean: String.raw`\bdo[opr]_v1_\w{20,}`,
  "Google API key": String.raw`\bAIza[\w-]{30,}`,
  "Google OAuth": String.raw`\bya29\.[\w-]{16,}`,
  Stripe: String.raw`\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}`,
  SendGrid: String.raw`\bSG\.[\w-]{16,}\.[\w-]{16,}`,
  Slack: String.raw`\b(?:xox[abeprs]-|xapp-\d)[\w-]{10,}`,
  "Slack webhook": String.raw`(?<=\bhooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/]{16,}`,
  // In a URL, `bot` stands right before it.
  "Telegram bot": String.raw`(?<!\d)\d{6,10}:[\w-]{35}(?![\w-])`,
  "JSON web token": String.raw`(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}`,
  "Authorization header": String.raw`(?<=\b(?:[Bb]earer|BEARER|[Bb]asic|BASIC) )[\w.~+/=-]{16,}`,
  "x-api-key header": String.raw`(?<=\b[Xx]-[Aa][Pp][Ii]-[Kk][Ee][Yy](?:${QUOTE})?: ?(?:${QUOTE})?)(?=[a-zA-Z_.~+/=-]*\d)[\w.~+/=-]{8,}`,
  "password of a URL": String.raw`(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@]{1,256}(?=@)`,
  "named, in a shell": String.raw`(?<=${NAMED}=)${NO_VALUE}[^\s"'\x60]{8,}`,
  "named, in a shell's quotes": String.raw`(?<=${NAMED}=${QUOTE})${NO_VALUE}[^"'\r\n\\]{8,}`,
  // Behind the code of an error (INVALID_TOKEN: …) comes a sentence, and in code a comma or semicolon.
  "named, in YAML": String.raw`(?<=${NAMED}: )${NO_VALUE}[^\s"'\x60]{7,}[^\s"'\x60,;](?=[ \t]*(?:[\r\n]|$))`,
  "named, in JSON": String.raw`(?<=${NAMED}(?:${QUOTE})?: ?${QUOTE})${NO_VALUE}[^"'\s\\]{8,}(?=${QUOTE})`,
  "private key": String.raw`-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)`,
};
const ANY_SECRET = new RegExp(Object.values(SECRET_SHAPES).join("|"), "g");

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
    return result.replace(ANY_SECRET, "[redacted]");
  };
}

function writtenForms(value: string): string[] {
  const whole = value.trim();
  if (whole.length < MIN_SECRET_LENGTH) return [];
  const lines = whole.split(/\r?\n/);
  const parts = lines.length === 1 ? [] : lines.filter((line) => line.length >= MIN_SECRET_LINE_LENGTH);
  return [whole, JSON.stringify(whole).slice(1, -1), encodeURIComponent(whole.toWellFormed()), ...parts];
}
