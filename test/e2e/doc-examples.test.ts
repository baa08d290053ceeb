import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isSameOutput, readExamples, runExamples } from "../../scripts/doc-examples.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const hasJq = spawnSync("jq", ["--version"]).status === 0;
const pages = ["README.md", ...globSync("docs/*.md", { cwd: ROOT })].sort();

describe("the examples of", { concurrency: 3 }, () => {
  for (const page of pages) {
    const text = readFileSync(join(ROOT, page), "utf8");
    const examples = readExamples(text);
    if (examples.length === 0) continue;
    const needsJq =
      !hasJq && examples.some(({ commands }) => commands.some((each) => /\bjq\b/.test(each.text)));
    test(`${page} print what it shows`, { skip: needsJq && "jq isn't installed" }, async (t) => {
      const outputs = await runExamples(examples);
      for (const { line, commands, skip } of examples) {
        await t.test(`line ${line + 1}`, { skip }, () => {
          for (const command of commands) {
            const printed = outputs.get(command.line) ?? ["(it did not end)"];
            const where = `${page}:${command.line + 1}: ${command.text}`;
            if (!isSameOutput(command.output, printed)) assert.deepEqual(printed, command.output, where);
          }
        });
      }
    });
  }
});
