/**
 * A search as slow and as plain as can be, to hold the index against: it reads every file from its start, takes
 * every text apart by itself and compares. It shares no code with the index.
 */
export type ModelTerm =
  | { kind: "words"; words: string[]; quoted: boolean; prefix: boolean }
  | { kind: "code"; code: string };

/** Every group must be satisfied by one of its terms; what is in `not` must not occur. */
export interface ModelQuery {
  groups: ModelTerm[][];
  not: ModelTerm[];
}

/** The query as somebody would type it. */
export function typed({ groups, not }: ModelQuery): string {
  return [
    ...groups.map((terms) => terms.map(typedTerm).join(" OR ")),
    ...not.map((term) => `-${typedTerm(term)}`),
  ].join(" ");
}

function typedTerm(term: ModelTerm): string {
  if (term.kind === "code") return term.code;
  const text = term.words.join(" ");
  return (term.quoted ? `"${text}"` : text) + (term.prefix ? "*" : "");
}

/**
 * The ids of the entries that fit, of the texts of some session files.
 *
 * @param deep with all of what tools gave back; a query that has no letters to ask the index for is always so
 */
export function naiveSearch(files: Iterable<Buffer>, query: ModelQuery, deep = false): Set<string> {
  const whole = deep || query.groups.every((terms) => terms.some(isPunctuation));
  const found = new Set<string>();
  for (const bytes of files) {
    const [header, ...entries] = linesOf(bytes);
    if (header?.type !== "session") continue;
    for (const entry of entries) {
      if (typeof entry.id === "string" && textsOf(entry, whole).some((text) => fits(text, query)))
        found.add(entry.id);
    }
  }
  return found;
}

type Json = { type?: string; id?: string; [field: string]: unknown };

function linesOf(bytes: Buffer): Json[] {
  return bytes
    .toString("utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        const value = JSON.parse(line) as Json | null;
        return typeof value === "object" && value !== null && !Array.isArray(value) ? [value] : [];
      } catch {
        return [];
      }
    });
}

interface Block {
  type?: string;
  text?: string;
  name?: string;
  arguments?: Record<string, string>;
}

function isPunctuation(term: ModelTerm): boolean {
  return term.kind === "code" && tokensOf(fold(term.code)).length === 0;
}

function textsOf(entry: Json, whole: boolean): string[] {
  if (entry.type === "session_info") return [String(entry.name)];
  const message = entry.message as { role?: string; content?: Block[] } | undefined;
  const blocks = message?.content ?? [];
  const text = blocks.flatMap((block) => (block.type === "text" ? [block.text ?? ""] : [])).join("\n");
  const cut = whole ? (one: string) => one : first2000;
  if (message?.role === "toolResult") return [cut(text)];
  const calls = blocks
    .filter(({ type }) => type === "toolCall")
    .map((call) => cut([call.name, ...Object.values(call.arguments ?? {})].join("\n")));
  return [text, ...calls];
}

function first2000(text: string): string {
  const cut = text.slice(0, 2000);
  return text.length > 2000 && /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}

function fits(text: string, { groups, not }: ModelQuery): boolean {
  const plain = fold(text);
  const tokens = tokensOf(plain);
  const has = (term: ModelTerm) =>
    term.kind === "code" ? hasCode(plain, fold(term.code)) : hasWords(tokens, term);
  return groups.every((terms) => terms.some(has)) && !not.some(has);
}

function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/[\u0300-\u036f\ufe0f\u200d]/gu, "")
    .normalize("NFC")
    .toLowerCase();
}

/** Scripts without spaces, and emoji: a token each. */
function isSolo(character: string): boolean {
  return /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Extended_Pictographic}/u.test(character);
}

function isLetter(character: string): boolean {
  return /[\p{L}\p{N}\p{M}]/u.test(character) && !isSolo(character);
}

function tokensOf(plain: string): string[] {
  const tokens: string[] = [];
  let word = "";
  for (const character of plain) {
    if (isLetter(character)) {
      word += character;
      continue;
    }
    if (word !== "") tokens.push(word);
    word = "";
    if (isSolo(character)) tokens.push(character);
  }
  if (word !== "") tokens.push(word);
  return tokens;
}

function hasWords(
  tokens: readonly string[],
  { words, prefix }: { words: string[]; prefix: boolean },
): boolean {
  const wanted = tokensOf(fold(words.join(" ")));
  return tokens.some((_, at) =>
    wanted.every((word, i) => {
      const token = tokens[at + i] ?? "";
      return prefix && i === wanted.length - 1 ? token.startsWith(word) : token === word;
    }),
  );
}

function hasCode(plain: string, code: string): boolean {
  const characters = Array.from(plain);
  const wanted = Array.from(code);
  const letterAt = (list: readonly string[], at: number) => isLetter(list[at] ?? " ");
  for (let at = 0; at + wanted.length <= characters.length; at++) {
    if (!wanted.every((character, i) => characters[at + i] === character)) continue;
    const end = at + wanted.length;
    const cutsBefore = letterAt(wanted, 0) && letterAt(characters, at - 1);
    const cutsAfter = letterAt(wanted, wanted.length - 1) && letterAt(characters, end);
    if (!cutsBefore && !cutsAfter) return true;
  }
  return false;
}
