import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Workspace } from "../support/workspace.ts";

const SNAPSHOT = join(import.meta.dirname, "../snapshots/json-shapes.json");

/**
 * Scripts rest on the documents of `--json`, so a change of one must be seen: this compares what every command
 * prints, with each value replaced by its type, with a committed snapshot. After a change that is meant, run
 * this file with --test-update-snapshots and commit the result with a line in the CHANGELOG.
 */
describe("--json", () => {
  let place: Workspace;
  before(() => {
    place = new Workspace();
  });
  after(() => place.dispose());

  it("documents keep their shapes", async (t) => {
    const shapes: Record<string, unknown> = {};
    const note = async (name: string, args: string[]) => {
      const document = await place.json(args);
      shapes[name] = shapeOf(document);
      return document as { sessionId?: string };
    };
    /** What pi gives is passed on as it is, and pi's own matter: only the names of the fields above it are ours. */
    const notePi = async (name: string, args: string[]) => {
      shapes[name] = Object.keys(await place.json(args)).sort();
    };
    await note("prompt", ["prompt", "--model", place.scenario("tools.json"), "--name", "shapes", "go"]);
    await note("prompt (failed turn)", ["prompt", "--new", "--model", place.scenario("error.json"), "go"]);
    await note("prompt (refused)", ["prompt", "--new", "hi"]);
    await note("session create", ["session", "create", "--model", "scripted/echo"]);
    await note("prompt --detach", ["prompt", "--detach", "hello"]);
    // Waits for the detached turn, so that nothing below depends on how fast it is.
    await place.ok(["prompt", "and again"]);
    await note("session list", ["session", "list"]);
    await note("session show", ["session", "show", "shapes"]);
    await note("session show --messages", ["session", "show", "shapes", "--messages"]);
    await notePi("session model", ["session", "model", "-s", "shapes"]);
    for (const what of ["thinking", "settings"]) {
      await note(`session ${what}`, ["session", what, "-s", "shapes"]);
    }
    await note("session thinking LEVEL", ["session", "thinking", "-s", "shapes", "off"]);
    await note("session settings KEY VALUE", ["session", "settings", "-s", "shapes", "auto-retry", "on"]);
    await note("session last", ["session", "last", "shapes"]);
    for (const what of ["stats", "tree", "messages", "entries", "commands"]) {
      await notePi(`session ${what}`, ["session", what, "shapes"]);
    }
    await note("session bash", ["session", "bash", "-s", "shapes", "true"]);
    await notePi("session send", ["session", "send", "-s", "shapes", '{"type":"get_state"}']);
    await note("session queue list", ["session", "queue", "list", "shapes"]);
    await note("session queue clear", ["session", "queue", "clear", "shapes"]);
    await note("session wait", ["session", "wait", "shapes"]);
    await note("session respond (no question)", ["session", "respond", "-s", "shapes"]);
    await notePi("session compact", ["session", "compact", "-s", "shapes"]);
    await notePi("model list", ["model", "list"]);
    await note("session fork", ["session", "fork", "shapes"]);
    await note("session fork --at", ["session", "fork", "shapes", "--at", "1"]);
    const cloned = await note("session clone", ["session", "clone", "shapes"]);
    await note("session rename", ["session", "rename", "-s", "shapes", "forms"]);
    await note("session export", ["session", "export", "forms", "-f", "md"]);
    await note("session export -o", ["session", "export", "forms", "-o", join(place.root, "out.md")]);
    await note("session abort", ["session", "abort", "forms"]);
    await note("session close", ["session", "close", "forms"]);
    await note("session delete", ["session", "delete", cloned.sessionId ?? "", "--yes"]);
    await note("history search", ["history", "search", "shapes OR go", "--all", "--include-thinking"]);
    await note("history search (nothing)", ["history", "search", "nowhere-to-be-found"]);
    await note("history list", ["history", "list", "--all"]);
    await note("history show", ["history", "show", "forms"]);
    await note("history stats", ["history", "stats", "--all"]);
    await note("history status", ["history", "status"]);
    await note("history export", ["history", "export", "go", "--all"]);
    await note("history forget", ["history", "forget", "forms"]);
    await note("history reindex", ["history", "reindex"]);
    await note("config set", ["config", "set", "thinking", "off"]);
    await note("config get", ["config", "get", "thinking"]);
    // A value from the environment has a field more.
    shapes["config show"] = shapeOf(await place.json(["config", "show"], { env: { PICTL_PI: undefined } }));
    await note("config path", ["config", "path"]);
    await note("config unset", ["config", "unset", "thinking"]);
    for (const words of [
      ["show"],
      ["explain", "/etc"],
      ["explain", "pypi.org"],
      ["check", "--list"],
      ["init"],
    ])
      await note(`sandbox ${words.join(" ")}`, ["sandbox", ...words]);
    // Enabled, it would hold for what follows.
    rmSync(join(place.paths.configDir, "sandbox.toml"));
    await note("an unknown command", ["sessoin"]);
    await note("an error", ["session", "show", "nowhere"]);
    await note("daemon start", ["daemon", "start"]);
    await note("daemon status", ["daemon", "status"]);
    await note("daemon logs", ["daemon", "logs", "-n", "1"]);
    await note("doctor", ["doctor"]);
    await note("daemon restart", ["daemon", "restart"]);
    await note("daemon stop", ["daemon", "stop"]);
    await note("daemon status (not running)", ["daemon", "status"]);
    t.assert.fileSnapshot(shapes, SNAPSHOT);
  });

  it("commands and flags stay as they are", (t) => {
    const manifest = JSON.parse(
      readFileSync(join(import.meta.dirname, "../../oclif.manifest.json"), "utf8"),
    ) as Manifest;
    const lines = Object.values(manifest.commands).flatMap((command) => [
      `${command.id.replaceAll(":", " ")} ${Object.keys(command.args)
        .map((name) => `[${name}]`)
        .join(" ")}`.trimEnd(),
      ...Object.values(command.flags).map(
        (flag) =>
          `  --${flag.allowNo ? "[no-]" : ""}${flag.name}${flag.char ? ` -${flag.char}` : ""} ${flag.options?.join("|") ?? flag.type}`,
      ),
    ]);
    t.assert.fileSnapshot(lines, join(import.meta.dirname, "../snapshots/commands.json"));
  });
});

interface Manifest {
  commands: Record<
    string,
    {
      id: string;
      args: Record<string, unknown>;
      flags: Record<
        string,
        { name: string; char?: string; type: string; allowNo?: boolean; options?: string[] }
      >;
    }
  >;
}

/** A value with its types only. Elements of an array are merged, since which of them has what depends on the run. */
function shapeOf(value: unknown): unknown {
  if (value === null) return "null";
  if (Array.isArray(value)) return [merge(value.map(shapeOf))];
  if (typeof value !== "object") return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .sort()
      .map(([key, item]) => [key, shapeOf(item)]),
  );
}

function merge(shapes: unknown[]): unknown {
  const [first] = shapes;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return first ?? "nothing";
  return Object.fromEntries(shapes.flatMap((shape) => Object.entries(shape as object)).sort());
}
