import assert from "node:assert/strict";
import { test } from "node:test";
import { dark, terminalSvg } from "../../scripts/terminal-svg.ts";

const ESC = "\u001b[";

/** The texts of a picture with their attributes that aren't about place. */
function texts(screen: string): string[] {
  const svg = terminalSvg(screen, 20, dark);
  return [...svg.matchAll(/<text x="([\d.]+)"[^>]*xml:space="preserve"([^>]*)>([^<]*)</g)].map(
    ([, x, attributes, text]) => `${x}${attributes} ${text}`,
  );
}

test("styles end where they end, and go on over the end of a line", () => {
  assert.deepEqual(texts(`${ESC}1;36mbold${ESC}0m plain\n${ESC}2mdim\nstill`), [
    `12 fill="${dark.colours[6]}" font-weight="bold" bold`,
    "45.6  plain",
    '12 opacity="0.6" dim',
    '12 opacity="0.6" still',
  ]);
});

test("wide characters take two columns, and markup is text", () => {
  assert.deepEqual(texts("a日b <&"), ["12 a", "20.4 日", "37.2 b &lt;&amp;"]);
});

test("the cursor is a block", () => {
  assert.match(
    terminalSvg(`${ESC}7m ${ESC}0m`, 20, dark),
    new RegExp(`<rect [^>]*fill="${dark.foreground}"/>`),
  );
});

test("what isn't drawn is told", () => {
  assert.throws(() => terminalSvg(`${ESC}2J`, 20, dark), /not a style/);
  assert.throws(() => terminalSvg(`${ESC}41mx`, 20, dark), /a style that isn't drawn: 41/);
});
