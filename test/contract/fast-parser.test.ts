import assert from "node:assert/strict";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Interfaces, Parser } from "@oclif/core";
import { build } from "esbuild";
import {
  type ArgDefinition,
  type FlagDefinition,
  NotOrdinary,
  type Parsed,
  parseOrdinary,
} from "../../src/lib/cli/fast/parse.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COMMANDS = globSync("src/commands/**/*.ts", { cwd: ROOT }).sort();
const SESSION = "PICTL_SESSION";

interface RealCommand {
  flags: Interfaces.FlagInput;
  baseFlags: Interfaces.FlagInput;
  args: Interfaces.ArgInput;
  strict: boolean;
}

interface FastCommand {
  flags: Record<string, FlagDefinition>;
  baseFlags: Record<string, FlagDefinition>;
  args: Record<string, ArgDefinition>;
}

/** The words of a command line, and whether the fast parser has to take them itself. */
interface Case {
  argv: string[];
  ordinary: boolean;
}

/** Every way to write one flag, right and wrong. */
function formsOf(name: string, flag: FlagDefinition): Case[] {
  const value = flag.options?.[0] ?? "5m";
  const other = flag.options?.[1] ?? "a=b c";
  const long = `--${name}`;
  const ordinary = (...argv: string[]): Case => ({ argv, ordinary: true });
  const odd = (...argv: string[]): Case => ({ argv, ordinary: false });
  const short = flag.char === undefined ? [] : [`-${flag.char}`];
  if (flag.type === "boolean") {
    return [
      ordinary(long),
      ordinary(long, long),
      ...short.map((form) => ordinary(form)),
      ...short.map((form) => odd(`${form}x`)),
      flag.allowNo ? ordinary(`--no-${name}`) : odd(`--no-${name}`),
      odd(`${long}=true`),
      odd(`${long}=`),
      odd(`--no-${name}`, long),
      odd(long, `--no-${name}`),
      odd(long, "value"),
    ];
  }
  return [
    ordinary(long, value),
    ordinary(`${long}=${value}`),
    ...short.map((form) => ordinary(form, value)),
    ...short.flatMap((form) => [odd(`${form}${value}`), odd(`${form}=${value}`), odd(form)]),
    ...[
      "",
      "-",
      "-1",
      "-x",
      "--",
      "--json",
      "--unknown",
      `-${flag.char ?? "s"}`,
      "-nfoo",
      "not one of them",
    ].flatMap((text) => [odd(long, text), odd(`${long}=${text}`)]),
    odd(long),
    odd(`--no-${name}`, value),
    odd(long, value, long, other),
    odd(`${long}=${value}`, ...short, other),
  ];
}

const WORDS: Case[] = [
  [],
  ["word"],
  ["two", "words"],
  ["three", "more", "words"],
  [""],
  ["-"],
  ["--"],
  ["-1"],
  ["-1.5"],
  ["word", "-"],
  ["--", "--json"],
  ["--", "-s", "x"],
  ["word", "--", "-1"],
  ["--", "--"],
  ["---"],
  ["--="],
  ["-="],
  ["--unknown"],
  ["--unknown=x"],
  ["-Z"],
  ["-Zx"],
  ["--help"],
  ["-h"],
  ["--version"],
  ["--constructor"],
  ["--__proto__", "x"],
  ["--no-toString"],
  ["--no-"],
  ["--JSON"],
  ["--json", "word", "--json"],
  ["word=value"],
  ["--sess", "x"],
  ["a\nb"],
  ["ä€😀"],
].map((argv) => ({ argv, ordinary: false }));

describe("parseOrdinary gives what oclif gives, or leaves it to oclif", () => {
  let dir: string;
  const session = process.env[SESSION];

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), "pictl-fast-"));
    // As scripts/build.ts makes dist/fast: the same commands with the builders of src/lib/cli/fast.
    await build({
      absWorkingDir: ROOT,
      entryPoints: COMMANDS,
      outbase: "src/commands",
      outdir: dir,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      external: ["listr2", "@earendil-works/*"],
      alias: { "@oclif/core": "./src/lib/cli/fast/oclif.ts" },
      banner: {
        js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
      },
      logLevel: "silent",
    });
  });

  after(() => {
    setSession(session);
    rmSync(dir, { recursive: true, force: true });
  });

  function setSession(value: string | undefined): void {
    if (value === undefined) delete process.env[SESSION];
    else process.env[SESSION] = value;
  }

  assert.ok(COMMANDS.length > 5, "there are no commands to test");
  for (const file of COMMANDS) {
    test(file.slice("src/commands/".length, -".ts".length), async () => {
      const { default: real } = (await import(pathToFileURL(join(ROOT, file)).href)) as {
        default: RealCommand;
      };
      const fastFile = join(dir, `${file.slice("src/commands/".length, -".ts".length)}.mjs`);
      const { default: fast } = (await import(pathToFileURL(fastFile).href)) as { default: FastCommand };
      const flags = { ...fast.baseFlags, ...fast.flags };
      assert.deepEqual(Object.keys(flags), Object.keys({ ...real.baseFlags, ...real.flags }));

      const single = [...WORDS, ...Object.entries(flags).flatMap(([name, flag]) => formsOf(name, flag))];
      // What is right alone is combined with everything else that is, in both orders.
      const right = [...single.filter((each) => each.ordinary), ...WORDS.slice(1, 13)];
      const pairs = right.flatMap((a) =>
        right.map((b) => ({ argv: [...a.argv, ...b.argv], ordinary: false })),
      );
      let taken = 0;
      for (const value of [undefined, "", "from-env"]) {
        setSession(value);
        const cases = value === undefined ? [...single, ...pairs] : [...single, ...pairs.slice(0, 500)];
        for (const { argv, ordinary } of cases) {
          const where = `${JSON.stringify(argv)} with ${SESSION}=${value}`;
          const got = parseFast(argv, { flags, args: fast.args });
          const required = Object.values(fast.args).some((arg) => arg.required);
          const needsOther = Object.entries(flags).some(
            ([name, { dependsOn }]) =>
              dependsOn !== undefined && argv.some((word) => isFlag(word, name, flags)),
          );
          if (ordinary && value !== "from-env" && !required && !needsOther)
            assert.ok(got, `${where} should need no oclif`);
          if (got === undefined) continue;
          taken += 1;
          assert.deepEqual(got, await parseWithOclif(argv, real), where);
        }
      }
      assert.ok(taken > 10, "the fast parser took next to nothing");
    });
  }

  function isFlag(word: string, name: string, flags: Record<string, FlagDefinition>): boolean {
    return word === `--${name}` || word.startsWith(`--${name}=`) || word === `-${flags[name]?.char}`;
  }

  function parseFast(argv: string[], input: Pick<FastCommand, "flags" | "args">): Parsed | undefined {
    try {
      return parseOrdinary(argv, input, process.env);
    } catch (error) {
      if (error instanceof NotOrdinary) return undefined;
      throw error;
    }
  }

  async function parseWithOclif(argv: string[], command: RealCommand): Promise<Parsed | { refused: string }> {
    const args = Object.entries(command.args ?? {}).map(([name, arg]) => [
      name,
      { ...arg, ignoreStdin: true },
    ]);
    const flags = { ...command.baseFlags, ...command.flags };
    try {
      const parsed = await Parser.parse(argv, {
        flags,
        args: Object.fromEntries(args),
        strict: command.strict,
      });
      return { flags: parsed.flags, args: parsed.args };
    } catch (error) {
      return { refused: error instanceof Error ? error.message : String(error) };
    }
  }
});

describe("parseOrdinary and exclusive flags", () => {
  const flags: Record<string, FlagDefinition> = {
    a: { type: "boolean", exclusive: ["b"] },
    b: { type: "option", env: "B_OF_THE_TEST" },
    c: { type: "option", exclusive: ["d"] },
    d: { type: "option", default: "x" },
  };

  test("are left to oclif when both are given, the second also by its variable", () => {
    for (const [argv, env] of [
      [["--a", "--b", "1"], {}],
      [["--a"], { B_OF_THE_TEST: "1" }],
    ] as const) {
      assert.throws(() => parseOrdinary(argv, { flags, args: {} }, env), NotOrdinary);
    }
  });

  test("a default excludes nothing", () => {
    assert.deepEqual(parseOrdinary(["--c", "1"], { flags, args: {} }, {}).flags, { c: "1", d: "x" });
  });
});

describe("parseOrdinary leaves to oclif what it doesn't understand of a definition", () => {
  const option = (more: object): Record<string, FlagDefinition> => ({ a: { type: "option", ...more } });
  const definitions: [string, Record<string, FlagDefinition>, Record<string, ArgDefinition>][] = [
    ["a relationship", option({ relationships: [{ type: "all", flags: ["b"] }] }), {}],
    ["an alias", option({ aliases: ["b"] }), {}],
    ["a parser", option({ parse: async () => 1 }), {}],
    ["a computed default", option({ default: () => 1 }), {}],
    ["a choice of arguments", {}, { a: { options: ["x"] } }],
    ["an argument's parser", {}, { a: { parse: async () => 1 } }],
  ];
  for (const [what, flags, args] of definitions) {
    test(what, () => {
      assert.throws(() => parseOrdinary([], { flags, args }, {}), NotOrdinary);
    });
  }
});
