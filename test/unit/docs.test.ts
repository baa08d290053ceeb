import assert from "node:assert/strict";
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readConfigFile } from "../../src/lib/core/config-file.ts";
import { EXIT_CODES } from "../../src/lib/core/errors.ts";
import { questionPolicies } from "../../src/lib/protocol/question-policies.ts";
import { PASSED_THROUGH, requestSchemas } from "../../src/lib/protocol/requests.ts";
import { streamRecord } from "../../src/lib/protocol/stream.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** Rows of Markdown tables whose first cell begins with a code or name in backticks. */
function rows(markdown: string): string[] {
  return markdown.split("\n").filter((line) => line.startsWith("| "));
}

describe("docs/errors.md and docs/exit-codes.md", () => {
  const errors = rows(read("docs/errors.md"));
  const exitCodes = rows(read("docs/exit-codes.md"));

  for (const [code, exit] of Object.entries(EXIT_CODES)) {
    test(`tell ${code}`, () => {
      assert.equal(
        errors.filter((row) => row.startsWith(`| \`${code}\` |`)).length,
        1,
        "one row in errors.md",
      );
      const row = exitCodes.find((line) => line.includes(`\`${code}\``));
      assert.ok(row?.startsWith(`| ${exit} |`), `the row of ${exit} in exit-codes.md`);
    });
  }

  test("tell no code that doesn't exist", () => {
    const named = errors.flatMap((row) => /^\| `([A-Z_]+)` \|/.exec(row)?.[1] ?? []);
    assert.deepEqual(
      named.filter((code) => !Object.hasOwn(EXIT_CODES, code)),
      [],
    );
  });
});

describe("docs/protocol.md", () => {
  const text = read("docs/protocol.md");

  test("has a row for every request of the daemon, with every parameter", () => {
    const lines = rows(text);
    for (const [name, schema] of Object.entries(requestSchemas)) {
      if (name === "prompt") continue;
      const row = lines.find((line) => line.startsWith(`| \`${name}\` |`));
      assert.ok(row, name);
      const own = Object.keys(schema.shape).filter(
        (key) => !("sessionId" in schema.shape && /^(sessionId|cwd)$/.test(key)),
      );
      for (const parameter of own)
        assert.match(row, new RegExp(`\`${parameter}\\??\``), `${name}: ${parameter}`);
    }
  });

  test("tells every parameter of prompt", () => {
    for (const parameter of Object.keys(requestSchemas.prompt.shape)) {
      assert.match(text, new RegExp(`\`${parameter}\\??\``), parameter);
    }
  });

  test("names every command that is passed through to pi", () => {
    for (const command of PASSED_THROUGH) assert.ok(text.includes(`\`${command}\``), command);
  });
});

describe("docs/stream-json.md", () => {
  const lines = rows(read("docs/stream-json.md"));

  for (const { shape } of streamRecord.def.options) {
    const [type = ""] = shape.type.def.values;
    test(`tells ${type} with every field of its own`, () => {
      const row = lines.find((line) => line.startsWith(`| \`${type}\` |`));
      assert.ok(row, type);
      for (const [field, schema] of Object.entries(shape)) {
        if (["v", "type", "sessionId", "seq"].includes(field)) continue;
        const optional = (schema as { def: { type: string } }).def.type === "optional" ? "?" : "";
        assert.ok(row.includes(`\`${field}${optional}\``), field);
      }
    });
  }

  test("lists every published schema", () => {
    for (const file of readdirSync(join(ROOT, "schemas"))) {
      const name = `\`${file.replace(".schema.json", "")}\``;
      assert.ok(
        lines.some((line) => line.split("|")[1]?.includes(name)),
        name,
      );
    }
  });
});

describe("docs/questions.md", () => {
  test("has a row for every policy", () => {
    const lines = rows(read("docs/questions.md"));
    for (const policy of questionPolicies) {
      assert.ok(
        lines.some((line) => line.startsWith(`| \`${policy}\` |`)),
        policy,
      );
    }
  });
});

test("the config.toml of docs/configuration.md is one that is accepted", () => {
  const [, toml = ""] = /```toml\n([\s\S]*?)```/.exec(read("docs/configuration.md")) ?? [];
  const directory = mkdtempSync(join(tmpdir(), "pictl-docs-"));
  try {
    const path = join(directory, "config.toml");
    writeFileSync(path, toml);
    const { limits, daemon } = readConfigFile(path, "user");
    assert.ok(limits && daemon, "it shows the tables");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe("docs/reliability.md", () => {
  const named = rows(read("docs/reliability.md")).flatMap((row) => {
    const [, file, tests = ""] = /`(test\/[^`]+\.test\.ts)`:(.*)/.exec(row) ?? [];
    return file === undefined
      ? []
      : [{ file, names: [...tests.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name) }];
  });

  test("names tests that exist", () => {
    assert.ok(named.length > 40, `${named.length} rows`);
    const missing = named.flatMap(({ file, names }) => {
      const text = existsSync(join(ROOT, file)) ? read(file) : "";
      return (names.length === 0 ? [""] : names)
        .filter((name) => name === "" || !text.includes(name))
        .map((name) => `${file}: ${name}`);
    });
    assert.deepEqual(missing, []);
  });

  test("says for every promise what shows it", () => {
    const promises = rows(read("docs/reliability.md")).filter(
      (row) => !/^\| what is promised|^\|---/.test(row),
    );
    const shown = promises.filter((row) => /`test\/[^`]+\.test\.ts`: "|`npm run /.test(row));
    assert.deepEqual(
      promises.filter((row) => !shown.includes(row)),
      [],
    );
  });
});

test("links between the pages lead somewhere", () => {
  const pages = globSync(["*.md", "docs/**/*.md"], { cwd: ROOT });
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

describe("the commands that pages show", () => {
  interface ManifestCommand {
    flags: Record<string, { char?: string; allowNo?: boolean }>;
  }
  const { commands } = JSON.parse(read("oclif.manifest.json")) as {
    commands: Record<string, ManifestCommand>;
  };

  /** The flags that a command has, as they are typed. */
  function flagsOf({ flags }: ManifestCommand): Set<string> {
    const named = Object.entries(flags).flatMap(([name, { char, allowNo }]) => [
      `--${name}`,
      ...(char === undefined ? [] : [`-${char}`]),
      ...(allowNo === true ? [`--no-${name}`] : []),
    ]);
    return new Set([...named, "--help", "-h"]);
  }

  for (const page of ["README.md", "CONTRIBUTING.md", ...globSync("docs/*.md", { cwd: ROOT })].sort()) {
    const blocks = [...read(page).matchAll(/^```(?:sh|console|yaml)\n([\s\S]*?)^```/gm)].map(
      ([, text = ""]) => text,
    );
    // The output of a command may speak of pictl too.
    const lines = blocks
      .join("\n")
      .split("\n")
      .filter((line) => !/^[✔⚠✖ℹ—]/.test(line));
    const shown = lines.flatMap((line) => [...line.matchAll(/(?:^|[|(;&$!] *)pictl ([^|;&)#<>]+)/g)]);
    if (shown.length === 0) continue;
    test(`${page} shows only commands and flags that exist`, () => {
      for (const [whole, rest = ""] of shown) {
        const words = rest.replaceAll(/'[^']*'|"[^"]*"/g, "text").split(/\s+/);
        const own = words.slice(0, words.includes("--") ? words.indexOf("--") : undefined);
        const id = [3, 2, 1]
          .map((n) => own.slice(0, n).join(":"))
          .find((each) => Object.hasOwn(commands, each));
        const command = id === undefined ? undefined : commands[id];
        assert.ok(command, whole);
        const known = flagsOf(command);
        for (const word of own)
          if (/^--?[a-z]/.test(word)) assert.ok(known.has(word.replace(/=.*/, "")), `${whole}: ${word}`);
      }
    });
  }
});
