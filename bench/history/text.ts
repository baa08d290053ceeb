/** Makes texts of a given length that look like what people, models and tools write. */
export interface TextMaker {
  word(): string;
  words(count: number): string;
  prose(length: number): string;
  code(length: number): string;
  log(length: number): string;
  command(length: number): string;
  path(): string;
  identifier(): string;
  base64(length: number): string;
  hex(length: number): string;
  uuid(): string;
  /** The vocabulary, the most frequent word first. */
  vocabulary: readonly string[];
}

const VOCABULARY = 30_000;
/** Real words that people search for stand among the made-up ones, at places from common to rare. */
const KNOWN =
  "the to of a in is and that it for you this with on be error file test session not if can return value function import const null undefined timeout socket buffer".split(
    " ",
  );
const ONSETS = "b c d f g h j k l m n p r s t v w br cr dr fl gr pl pr sh st tr th ch".split(" ");
const VOWELS = "a e i o u ai ea ou io".split(" ");
const CODAS = ["", "", "n", "r", "s", "t", "l", "m", "ck", "nd", "ng", "st"];
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** @param random numbers from 0 to below 1 */
export function textMaker(random: () => number): TextMaker {
  const vocabulary = makeVocabulary(random);
  const cumulative = zipf(vocabulary.length);
  const at = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? "";
  const word = () => vocabulary[find(cumulative, random())] ?? "";
  const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
  const until = (length: number, piece: () => string) => {
    let text = "";
    while (text.length < length) text += piece();
    return text.slice(0, length);
  };
  const hex = (length: number) =>
    until(length, () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0"),
    );
  const identifier = () => {
    const style = random();
    if (style < 0.45) return word() + capital(word()) + (random() < 0.4 ? capital(word()) : "");
    if (style < 0.75) return `${word()}_${word()}`;
    return random() < 0.5 ? capital(word()) + capital(word()) : word();
  };
  const path = () =>
    `src/${word()}/${word()}${random() < 0.5 ? `/${word()}` : ""}.${at(["ts", "ts", "py", "rs", "go", "md", "json"])}`;
  const sentence = () => {
    const count = 4 + Math.floor(random() * 16);
    const parts: string[] = [];
    for (let i = 0; i < count; i++) {
      const style = random();
      parts.push(
        style < 0.92
          ? word()
          : style < 0.96
            ? `\`${identifier()}\``
            : style < 0.985
              ? path()
              : "日本語の検索",
      );
    }
    return `${capital(parts.join(" "))}. `;
  };
  const statement = () => {
    const indent = "  ".repeat(Math.floor(random() * 4));
    switch (Math.floor(random() * 6)) {
      case 0:
        return `${indent}const ${identifier()} = ${identifier()}.${identifier()}(${identifier()});\n`;
      case 1:
        return `${indent}if (${identifier()} === ${Math.floor(random() * 1000)}) return ${identifier()};\n`;
      case 2:
        return `${indent}// ${word()} ${word()} ${word()} ${word()} ${word()}\n`;
      case 3:
        return `${indent}${identifier()}.${identifier()}("${word()} ${word()}");\n`;
      case 4:
        return `import { ${identifier()}, ${identifier()} } from "./${word()}/${word()}.ts";\n`;
      default:
        return `${indent}}\n`;
    }
  };
  const logLine = () =>
    `2026-11-${String(1 + Math.floor(random() * 28)).padStart(2, "0")}T${String(Math.floor(random() * 24)).padStart(2, "0")}:${String(Math.floor(random() * 60)).padStart(2, "0")}:02.${Math.floor(random() * 1000)}Z ${at(["INFO", "INFO", "WARN", "ERROR"])} [${word()}] ${path()}:${Math.floor(random() * 900)} ${word()} ${word()} ${word()} id=${hex(8)}\n`;
  return {
    vocabulary,
    word,
    identifier,
    path,
    hex,
    words: (count) => Array.from({ length: count }, word).join(" "),
    prose: (length) => until(length, sentence),
    code: (length) => until(length, statement),
    log: (length) => until(length, logLine),
    command: (length) =>
      until(
        length,
        () =>
          `${at(["git", "npm", "rg", "sed -n", "ls", "cat", "node"])} ${word()} ${path()} --${word()} && `,
      ),
    base64: (length) => until(length, () => until(64, () => BASE64[Math.floor(random() * 64)] ?? "A")),
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
  };
}

function makeVocabulary(random: () => number): string[] {
  const at = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? "";
  const words = new Set(KNOWN);
  while (words.size < VOCABULARY) {
    const syllables = 1 + Math.floor(random() * 3);
    let word = "";
    for (let i = 0; i < syllables; i++) word += at(ONSETS) + at(VOWELS) + at(CODAS);
    if (word.length > 2) words.add(word);
  }
  return [...words];
}

/** The share of all words that the most frequent n make up, by Zipf's law. */
function zipf(count: number): Float64Array {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 2.7);
    sums[i] = sum;
  }
  return sums.map((value) => value / sum);
}

function find(cumulative: Float64Array, share: number): number {
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 1) < share) low = middle + 1;
    else high = middle;
  }
  return low;
}
