import fc from "fast-check";
import { shellQuote } from "../../../src/lib/core/shell-quote.ts";
import { type Place, SESSION } from "./place.ts";

/**
 * What an agent does in one step. Names are below the workspace, or begin with the place that they are in: `HOME/`,
 * `SESSIONS/` (of the project), `CACHE/` (which `development` lets be written), `ROOT/` (around everything).
 */
export type Action =
  | { do: "rename" | "hard link" | "copy"; from: string; to: string }
  /** Moves what is there aside, and puts a link in its place. */
  | { do: "link in place of"; at: string; target: string }
  | { do: "pipe" | "directory" | "closed directory" | "remove" | "move aside"; at: string }
  | { do: "truncate"; at: string; size: string }
  | { do: "mode"; at: string; mode: string }
  | { do: "write" | "append"; at: string; text: string }
  | { do: "program"; at: string }
  | { do: "git"; words: string[] };

/** Where something is that a policy, pictl or git outside goes by, and the directories that it is in. */
const GUARDED = [
  "config",
  "config/secrets.env",
  "private",
  "private/key",
  "private/more",
  "deep",
  "deep/a",
  "deep/a/b",
  "deep/a/b/token",
] as const;

const NAMED = [
  "vendor",
  "vendor/data",
  "vendor/data/table",
  "prompts",
  "prompts/skill.md",
  "prompts/system.md",
  "sub",
  "sub/inner",
  "report.md",
  "out",
] as const;

const GIT = [
  ".git",
  ".git/HEAD",
  ".git/config",
  ".git/config.worktree",
  ".git/commondir",
  ".git/hooks",
  ".git/hooks/pre-commit",
  ".git/info",
  ".git/objects",
  ".git/worktrees",
  ".git/worktrees/tree",
  ".git/worktrees/tree/gitdir",
  ".git/worktrees/tree/commondir",
  ".git/worktrees/tree/config.worktree",
  ".git/modules",
  ".git/modules/lib",
  ".git/modules/lib/config",
  ".git/modules/lib/hooks",
  ".git/modules/lib/commondir",
  ".bare",
  "lib",
  "lib/.git",
  "sub/.git",
] as const;

const PICTL_READS = [
  ".pictl",
  ".pictl/sandbox.toml",
  ".pictl/config.toml",
  "sub/.pictl",
  "sub/.pictl/sandbox.toml",
  "sub/.pictl/config.toml",
  ".pi",
  ".pi/settings.json",
  ".pi/mcp.json",
  "scenario.json",
  "package.json",
] as const;

const SESSION_FILE = `SESSIONS/2026-01-02T00-00-00-000Z_${SESSION}.jsonl`;

const SESSIONS = [
  "SESSIONS",
  SESSION_FILE,
  "SESSIONS/2026-01-03T00-00-00-000Z_new.jsonl",
  "SESSIONS/.pictl",
] as const;

const ELSEWHERE = ["m1", "m2", "m1/x", "config.was", "CACHE", "CACHE/index", "CACHE/data", "."] as const;

export const TARGETS = [
  "HOME/.ssh",
  "HOME/.ssh/id_ed25519",
  "HOME/.aws/credentials",
  "HOME/.aws",
  "HOME",
  "HOME/notes.txt",
  "HOME/documents",
  "HOME/closed",
  "HOME/kept",
  "HOME/kept/own.jsonl",
  "HOME/.pi/agent",
  "HOME/.pi/agent/auth.json",
  "HOME/.pi/agent/models.json",
  "HOME/.pi/agent/sessions",
  "HOME/.pi/agent/sessions/--other--",
  "HOME/.pi/agent/sandboxed-sessions",
  "SESSIONS/../session.json",
  "SESSIONS/..",
  "SESSIONS/../../other/files",
  "HOME/.pi/agent/sessions/--other--/2026-01-01T00-00-00-000Z_other.jsonl",
  "HOME/.npm",
  "ROOT",
  "ROOT/outside",
  "ROOT/outside/key",
  "ROOT/outside/deep",
  "ROOT/neighbour",
  "ROOT/neighbour/.git",
  "ROOT/pictl",
  "ROOT/pictl/state",
  "ROOT/pictl/config",
  "ROOT/pictl/config/sandbox.toml",
  "ROOT/new-from-inside",
  "HOME/.ssh/authorized_keys",
  "/etc/shadow",
  "/dev/zero",
  "/proc/self/root",
  ...GUARDED,
  "SESSIONS",
  ".",
  "..",
] as const;

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...GUARDED) },
  { weight: 4, arbitrary: fc.constantFrom(...NAMED) },
  { weight: 4, arbitrary: fc.constantFrom(...GIT) },
  { weight: 3, arbitrary: fc.constantFrom(...PICTL_READS) },
  { weight: 2, arbitrary: fc.constantFrom(...SESSIONS) },
  { weight: 2, arbitrary: fc.constantFrom(...ELSEWHERE) },
);
const target = fc.constantFrom(...TARGETS);
/** What is read outside, or found in a place where more is looked for, and would be taken for what it stands for. */
const LIKE_FOR_LIKE = [
  [SESSION_FILE, "HOME/kept/own.jsonl"],
  [SESSION_FILE, "HOME/kept/own.jsonl"],
  ["SESSIONS/left", "HOME/closed"],
  ["SESSIONS/left", "HOME/closed"],
  [".pictl/config.toml", "ROOT/pictl/config/sandbox.toml"],
  ["sub/.pictl/config.toml", "ROOT/neighbour/.git/config"],
  [".pi/settings.json", "HOME/.pi/agent/auth.json"],
  ["prompts/system.md", "HOME/notes.txt"],
  ["prompts/system.md", "private/key"],
  ["prompts", "HOME/.ssh"],
  [".husky", "ROOT/outside"],
  [".husky/pre-commit", "HOME/notes.txt"],
  ["report.md", "HOME/new.md"],
  ["out", "HOME/.ssh"],
  ["sub", "HOME/.ssh"],
] as const;
/** What is read outside as a whole. */
const READ_WHOLE = [...PICTL_READS, SESSION_FILE, "prompts/system.md"] as const;
const anywhere = fc.oneof({ weight: 3, arbitrary: name }, { weight: 1, arbitrary: target });

/** What pictl, pi or git would read. `@NAME@` is the absolute path of a name. */
const text = fc.oneof(
  target.map((to) => `gitdir: @${to}@\n`),
  target.map((to) => `@${to}@\n`),
  target.map((to) => `{"sessionDir": "@${to}@"}\n`),
  target.map((to) => `allow_read = ["@${to}@"]\nallow_write = ["@${to}@"]\n`),
  target.map((to) => `deny_read = ["@${to}@"]\n`),
  target.map(
    (to) => `[core]\n\tworktree = @${to}@\n\thooksPath = @${to}@\n\tfsmonitor = "touch @ROOT@/ran"\n`,
  ),
  target.map((to) => `[include]\n\tpath = @${to}@\n`),
  target.map(
    (to) =>
      `{"type":"session","version":3,"id":"${SESSION}","timestamp":"2026-01-02T00:00:00.000Z","cwd":"@${to}@"}\n`,
  ),
  target.map((to) => `{"type":"session","version":3,"id":"new","parentSession":"@${to}@","cwd":"@.@"}\n`),
  target.map(
    (to) =>
      `{"type":"model_change","id":"aaaa0001","parentId":null,"provider":"scripted","modelId":"@${to}@"}\n`,
  ),
  target.map((to) => `model = "scripted/@${to}@"\n`),
  fc.constantFrom(
    "enabled = false\n",
    'profile = "minimal"\nnetwork = "open"\n',
    '[agent]\ncommand = "./.venv/bin/pi"\n',
    "ref: refs/heads/main\n",
    "../..\n",
    ".\n",
    "gitdir: .bare\n",
    "gitdir: ./m1\n",
    "{",
  ),
);

const gitWords = fc.oneof(
  fc.constantFrom<string[]>(
    ["init", "-q", "."],
    ["init", "-q", "sub"],
    ["init", "-q", "--bare", ".bare"],
    ["init", "-q", "--separate-git-dir", "m2", "."],
    ["worktree", "add", "-q", "--orphan", "-b", "new", "m1"],
    ["config", "core.hooksPath", "prompts"],
    ["add", "-A"],
    ["clean", "-qfdx"],
    ["stash", "-u"],
    ["mv", "config", "m1"],
    ["checkout", "-q", "-f", "HEAD"],
  ),
  target.map((to) => ["worktree", "move", "tree", `@${to}@`]),
  target.map((to) => ["config", "core.worktree", `@${to}@`]),
  target.map((to) => ["-C", "m1", "init", "-q", "--separate-git-dir", `@${to}@`]),
);

/** One step, with a weight for what has been a way out. */
export const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("link in place of"), at: name, target }) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(...LIKE_FOR_LIKE)
      .map(([at, to]) => ({ do: "link in place of" as const, at, target: to })),
  },
  // Where the next start, or the next command, looks first.
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("link in place of"),
      at: fc.constantFrom(
        "sub",
        "vendor/data",
        "prompts/skill.md",
        "report.md",
        ".pi/settings.json",
        SESSION_FILE,
      ),
      target,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("rename", "hard link", "copy"),
      from: anywhere,
      to: anywhere,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("move aside", "move aside", "remove", "directory", "pipe"),
      at: name,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("closed directory"), at: fc.constantFrom("SESSIONS/shut", "m1") }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("truncate"),
      at: fc.oneof(anywhere, fc.constantFrom(...READ_WHOLE)),
      size: fc.constantFrom("0", "400M", "1T"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("mode"),
      at: anywhere,
      mode: fc.constantFrom("0", "777", "444", "4755", "2777"),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("write", "append"), at: anywhere, text }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("program"),
      at: fc.constantFrom("bwrap", "pi", "rg", "trash", "prlimit", "git", "sh", "node", "env"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("git"), words: gitWords }) },
);

/** What another agent in the workspace does while a sandbox is made: what the policy denies it holds in its place, too. */
export const exchange: fc.Arbitrary<Action> = fc.record({
  do: fc.constant("link in place of"),
  at: fc.constantFrom("prompts/skill.md", "prompts", "CACHE/data", "CACHE/data", "sub"),
  target,
});

/** An absolute path. */
export function pathOf(name: string, place: Place): string {
  if (name.startsWith("/")) return name;
  const [first = "", ...rest] = name.split("/");
  const roots: Record<string, string> = {
    ROOT: place.root,
    HOME: place.home,
    SESSIONS: place.sessionDir,
    CACHE: place.cache,
  };
  const root = roots[first];
  return root === undefined ? `${place.workspace}/${name}` : [root, ...rest].join("/");
}

/** A text with the absolute paths of the names in it. */
export function filled(text: string, place: Place): string {
  return text.replace(/@([^@\n]+)@/g, (_, name: string) => pathOf(name, place));
}

/** The lines of a shell that do it. What can't be done is passed over, and nothing waits for a pipe. */
export function shellLine(one: Action, place: Place): string {
  const path = (name: string) => shellQuote(pathOf(name, place));
  switch (one.do) {
    case "rename":
      return `mv -Tf ${path(one.from)} ${path(one.to)}`;
    case "hard link":
      return `ln -Tf ${path(one.from)} ${path(one.to)}`;
    case "copy":
      return `timeout 3 cp -RTP --remove-destination ${path(one.from)} ${path(one.to)}`;
    case "link in place of":
      return `mv -T ${path(one.at)} ${path(one.at)}.was; ln -sT ${shellQuote(one.target === ".." ? ".." : pathOf(one.target, place))} ${path(one.at)}`;
    case "pipe":
      return `mv -T ${path(one.at)} ${path(one.at)}.was; mkfifo ${path(one.at)}`;
    case "directory":
      return `mkdir -p ${path(one.at)}`;
    case "closed directory":
      return `mkdir -p ${path(`${one.at}/in`)}; chmod 0 ${path(one.at)}`;
    case "remove":
      return `rm -rf ${path(one.at)}`;
    case "move aside":
      return `mv -T ${path(one.at)} ${path(one.at)}.was`;
    case "truncate":
      return `[ -p ${path(one.at)} ] || timeout 3 truncate -s ${one.size} ${path(one.at)}`;
    case "mode":
      return `chmod ${one.mode} ${path(one.at)}`;
    case "write":
    case "append": {
      const at = path(one.at);
      const into = one.do === "write" ? ">" : ">>";
      return `[ -p ${at} ] || printf %s ${shellQuote(filled(one.text, place))} ${into} ${at}`;
    }
    case "program": {
      const at = path(`.venv/bin/${one.at}`);
      return `rm -f ${at}; printf '#!/bin/sh\\necho > %s\\n' ${path("ROOT/ran")} > ${at}; chmod 755 ${at}`;
    }
    case "git":
      return `timeout 3 git ${one.words.map((word) => shellQuote(filled(word, place))).join(" ")}`;
  }
}
