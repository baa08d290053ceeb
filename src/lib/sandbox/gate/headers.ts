/** Headers in the order and with the doubles that they came in: [name, value] pairs. */
export type HeaderPairs = [string, string][];

/** Headers about one connection and not about the message (RFC 9110, 7.6.1), and those of proxies. */
const HOP_BY_HOP = new Set([
  "connection",
  // Node answers it by itself, and the body follows at once.
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Headers that providers read credentials from: what stands there inside is a placeholder or an attempt. */
const CREDENTIAL_HEADERS = new Set([
  "authorization",
  "cookie",
  "x-api-key",
  "x-goog-api-key",
  "x-goog-iam-authorization-token",
  "api-key",
  "apikey",
  "ocp-apim-subscription-key",
  "cf-aig-authorization",
  "x-auth-token",
  "x-access-token",
  "x-amz-security-token",
]);

/** Headers by which a proxy tells who asked; from inside they would only be claims. */
const FORWARDED = /^(?:forwarded|via|x-forwarded-.*|x-real-ip)$/;

/** Asks for a part of an answer: a key that comes back in parts can't be found in any. */
const RANGE = /^(?:if-)?range$/;

/** A shorter text is a word that any answer may have ("true", "ollama"), and no secret. */
const MIN_SECRET_LENGTH = 8;

const CREDENTIAL_QUERY = new Set(["key", "api_key", "api-key", "apikey", "access_token"]);

/** Node's `rawHeaders` as pairs. */
export function pairsOf(rawHeaders: readonly string[]): HeaderPairs {
  const pairs: HeaderPairs = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  }
  return pairs;
}

/** The values of one header, given in lower case. */
export function valuesOf(headers: HeaderPairs, name: string): string[] {
  return headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** Headers that go on: without those of this connection, those that `Connection` names, and Host. */
export function endToEnd(headers: HeaderPairs): HeaderPairs {
  const named = valuesOf(headers, "connection").flatMap((value) =>
    value.split(",").map((name) => name.trim().toLowerCase()),
  );
  const dropped = new Set([...HOP_BY_HOP, ...named, "host"]);
  // Without its length a body would be cut or taken for a second request.
  dropped.delete("content-length");
  return headers.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** What a request to a provider gets on its way out. */
export interface Credential {
  /** What takes the place of each placeholder, wherever the client put it in a header. */
  values?: Record<string, string>;
  /** Headers that are added, in place of those of the same name. */
  headers?: Record<string, string>;
}

/**
 * Request headers for a provider: end to end, without claims, each placeholder replaced by what it stands for. Of
 * those that hold credentials only the ones with a placeholder stay. So the client inside decides how its provider
 * wants the key (`x-api-key`, `Authorization: Bearer`, …), and a key of another origin doesn't go out.
 */
export function withCredential(headers: HeaderPairs, credential: Credential): HeaderPairs {
  const added = Object.entries(credential.headers ?? {});
  const replaced = new Set(added.map(([name]) => name.toLowerCase()));
  const kept: HeaderPairs = [];
  for (const [name, value] of endToEnd(headers)) {
    const lower = name.toLowerCase();
    if (replaced.has(lower) || FORWARDED.test(lower) || RANGE.test(lower)) continue;
    const real = replacePlaceholders(value, credential.values ?? {});
    if (real !== value || !CREDENTIAL_HEADERS.has(lower)) kept.push([name, real]);
  }
  return [...kept, ...added];
}

function replacePlaceholders(text: string, values: Record<string, string>): string {
  return Object.entries(values).reduce(
    (left, [placeholder, value]) => left.replaceAll(placeholder, () => value),
    text,
  );
}

/**
 * Every text that must not come back: the key and the values of added headers, bare and after "Bearer ", and what
 * "Basic " has encoded.
 */
export function secretsOf(credential: Credential): string[] {
  const values = [...Object.values(credential.values ?? {}), ...Object.values(credential.headers ?? {})];
  const secrets = values.flatMap((value) => {
    const basic = /^Basic\s+(\S+)$/i.exec(value)?.[1];
    const decoded = basic === undefined ? "" : Buffer.from(basic, "base64").toString();
    return [value, value.replace(/^(?:Bearer|Basic|Token)\s+/i, ""), decoded, decoded.replace(/^[^:]*:/, "")];
  });
  return [...new Set(secrets)].filter((secret) => secret.length >= MIN_SECRET_LENGTH);
}

/** A query (with its "?") without parameters that providers read a key from. */
export function withoutKeys(query: string): string {
  if (query === "") return "";
  const kept = query
    .slice(1)
    .split("&")
    .filter((parameter) => {
      const name = parameter.split("=", 1)[0] ?? "";
      return !CREDENTIAL_QUERY.has(decoded(name).toLowerCase());
    });
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

/** Response headers that go in: end to end, without cookies, each secret covered, in names as well. */
export function cleanResponse(headers: HeaderPairs, cover: (text: string) => string): HeaderPairs {
  return endToEnd(headers)
    .filter(([name]) => !/^(?:set-cookie2?|alt-svc)$/i.test(name))
    .map(([name, value]) => [cover(name), cover(value)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " ")).trim();
  } catch {
    return text;
  }
}
