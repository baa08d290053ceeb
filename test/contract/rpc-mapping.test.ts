import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pis } from "../support/pis.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const E2E = globSync("test/e2e/*.test.ts", { cwd: ROOT }).map((file) =>
  readFileSync(join(ROOT, file), "utf8"),
);

interface Place {
  /** Words of the command. */
  words: string[];
  flags: string[];
}

/** The rows of docs/pi-commands.md: where each of pi's commands is found. */
const places = new Map(
  readFileSync(join(ROOT, "docs/pi-commands.md"), "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, name, cell = ""] = /^\| `([a-z_]+)` \| ([^|]*)\|/.exec(line) ?? [];
      return name === undefined ? [] : [[name, [...cell.matchAll(/`([^`]+)`/g)].map(placeOf)] as const];
    }),
);

function placeOf([, text = ""]: RegExpExecArray): Place {
  const words = text.split(" ");
  const flags = words.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
  return { words: words.filter((word) => /^[a-z]/.test(word)), flags };
}

/** pi's own reference: a heading for each command. */
function documentedCommands(pi: string): string[] {
  const headings = (page: string) =>
    [...readFileSync(join(pi, "docs", page), "utf8").matchAll(/^### (\S+)$/gm)].map(([, name = ""]) => name);
  const ui = readFileSync(join(pi, "docs/rpc-extension-ui.md"), "utf8");
  assert.match(ui, /"type": "extension_ui_response"/);
  return [...headings("rpc-commands.md"), "extension_ui_response"];
}

/** The members of pi's exported type `RpcCommand`. */
function typedCommands(pi: string): string[] {
  const types = readFileSync(join(pi, "dist/modes/rpc/rpc-types.d.ts"), "utf8");
  const [, union = ""] = /export type RpcCommand = ([\s\S]*?\n\});/.exec(types) ?? [];
  return [...union.matchAll(/^ {4}type: "([a-z_]+)";/gm)].map(([, name = ""]) => name);
}

for (const { name, cli, skip } of pis) {
  describe(`every RPC command of ${name} has a place in docs/pi-commands.md`, { skip }, () => {
    const root = dirname(dirname(dirname(cli)));

    test("as its reference tells them", () => {
      const commands = documentedCommands(root);
      assert.ok(commands.length >= 33, `only ${commands.length} commands were found`);
      assert.deepEqual(
        commands.filter((command) => !places.has(command)),
        [],
      );
    });

    test("as its exported type tells them", () => {
      const commands = typedCommands(root);
      assert.ok(commands.length >= 32, `only ${commands.length} commands were found`);
      assert.deepEqual(
        commands.filter((command) => !places.has(command)),
        [],
      );
    });

    test("and there is no place for one that it doesn't have", () => {
      const commands = new Set([...documentedCommands(root), ...typedCommands(root)]);
      assert.deepEqual(
        [...places.keys()].filter((command) => !commands.has(command)),
        [],
      );
    });
  });
}

interface CommandClass {
  flags: Record<string, { char?: string }>;
}

function fileOf({ words }: Place): string {
  return join(ROOT, "src/commands", `${words.join("/")}.ts`);
}

async function commandClass(place: Place): Promise<CommandClass> {
  return ((await import(pathToFileURL(fileOf(place)).href)) as { default: CommandClass }).default;
}

describe("every place is there", () => {
  for (const [command, found] of places) {
    test(command, async () => {
      assert.ok(found.length > 0, "it names a command of pictl");
      for (const place of found) {
        assert.ok(existsSync(fileOf(place)), `pictl ${place.words.join(" ")}`);
        const { flags } = await commandClass(place);
        for (const flag of place.flags) assert.ok(Object.hasOwn(flags, flag), `--${flag}`);
      }
    });
  }
});

describe("every place is tried against a real pi", () => {
  for (const [command, found] of places) {
    test(command, async () => {
      for (const place of found) {
        const { flags } = await commandClass(place);
        const words = place.words.map((word) => `"${word}"`).join(", ");
        const forms = place.flags.map((flag) => [`"--${flag}"`, `"-${flags[flag]?.char}"`]);
        const isTried = E2E.some(
          (text) => text.includes(words) && forms.every((form) => form.some((each) => text.includes(each))),
        );
        assert.ok(isTried, `no test in test/e2e runs ${words} ${place.flags.join(" ")}`);
      }
    });
  }
});
