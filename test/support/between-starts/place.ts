import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stopDaemon } from "../../../src/lib/client/stop-daemon.ts";
import { systemErrorCode } from "../../../src/lib/core/errors.ts";
import { type Paths, resolvePaths } from "../../../src/lib/core/paths.ts";
import { sessionDirFor } from "../../../src/lib/core/session-files/locate.ts";
import {
  sandboxedDirectoryFor,
  sandboxedFiles,
} from "../../../src/lib/core/session-files/sandboxed-directory.ts";
import { sha256 } from "../../../src/lib/core/sha256.ts";
import { findBubblewrap } from "../../../src/lib/sandbox/bubblewrap/find-bubblewrap.ts";
import { runDirectory } from "../../../src/lib/sandbox/own-places.ts";

/** The id of the agent's own session. */
export const SESSION = "0199aaaa-own";

const TIME = "2026-01-02T00:00:00.000Z";

/** Where root's test keeps its places: in /tmp a sandbox would see nothing of the neighbours. */
const BASE = process.getuid?.() === 0 ? "/var/lib" : (process.env.HOME ?? "/var/tmp");

/**
 * Who may read a canary inside: nobody; nobody, while outside a look at the whole workspace shows it to its user; nobody
 * under `strict`, which has an empty home; everybody. None may be changed by anybody.
 */
export type Readers = "nobody" | "user" | "not strict" | "everybody";

/** What runs inside under a profile, or the user who looks at the whole workspace. */
export type Reader = "minimal" | "development" | "strict" | "user";

interface Canary {
  readonly path: string;
  readonly readers: Readers;
  readonly text: string;
  readonly id: string;
  readonly stats: Stats;
}

/** What stands around the workspace: paths below the place, and who may read them inside. */
const AROUND: Readonly<Record<string, Readers>> = {
  "home/.ssh/id_ed25519": "nobody",
  "home/.aws/credentials": "nobody",
  "home/.netrc": "nobody",
  "home/.config/gh/hosts.yml": "nobody",
  "home/.bashrc": "not strict",
  "home/notes.txt": "not strict",
  "home/documents/letter": "not strict",
  "home/.npm/outside-of-the-cache": "not strict",
  "home/.pi/agent/sessions/--other--/2026-01-01T00-00-00-000Z_other.jsonl": "nobody",
  "neighbour/src/main.ts": "not strict",
  "neighbour/.git/config": "not strict",
  "outside/key": "not strict",
  "outside/deep/key": "not strict",
  "home/closed/key": "not strict",
  "pictl/state/registry.txt": "nobody",
  "pictl/config/notes": "nobody",
  "pictl/data/history.txt": "nobody",
};

/** What every policy of the test denies, most of it in the workspace. */
export const DENIED = ["config/secrets.env", "private", "deep/a/b/token", "HOME/kept"] as const;

const IN_WORKSPACE: Readonly<Record<string, Readers>> = {
  "config/secrets.env": "user",
  "private/key": "user",
  "private/more/key": "user",
  "deep/a/b/token": "user",
};

/** What the agent may do with as it likes. */
const OWN: Readonly<Record<string, string>> = {
  "config/app.toml": "port = 80\n",
  "deep/a/readme": "hi\n",
  "prompts/skill.md": "---\nname: s\ndescription: d\n---\nhi\n",
  "prompts/system.md": "Be brief.\n",
  "sub/main.c": "int main(void) { return 0; }\n",
  "vendor/data/table": "1\n",
  ".venv/bin/python": "#!/bin/sh\n",
  "package.json": "{}\n",
  ".git/HEAD": "ref: refs/heads/main\n",
  ".git/info/exclude": "",
  ".git/refs/heads/.keep": "",
  ".git/objects/info/.keep": "",
  ".git/worktrees/tree/HEAD": "ref: refs/heads/tree\n",
  ".git/worktrees/tree/commondir": "../..\n",
  ".git/modules/lib/HEAD": "ref: refs/heads/main\n",
  ".git/modules/lib/refs/.keep": "",
  ".git/modules/lib/objects/.keep": "",
  "lib/.git": "gitdir: ../.git/modules/lib\n",
};

/** A canary's text: what is searched for inside, and in all that is printed. */
const CANARY = /canary-[0-9a-f]{16}/g;

/** The canaries whose content a text has, by their ids. */
export function canariesIn(text: string): Set<string> {
  return new Set(text.match(CANARY) ?? []);
}

function mayRead(readers: Readers, reader: Reader): boolean {
  if (readers === "not strict") return reader === "minimal" || reader === "development";
  return readers === "everybody" || readers === reader;
}

export interface PlaceDirectories {
  root: string;
  temporary: string;
}

/**
 * Makes the directories of a place: the one that it is in, and one in the machine's for temporary files.
 *
 * @param base where the first one is made
 */
export function placeDirectories(base: string = BASE): PlaceDirectories {
  const make = (base: string) => realpathSync(mkdtempSync(join(base, "pictl-between-")));
  return { root: make(base), temporary: make(tmpdir()) };
}

/**
 * Of the user whose place it is. A directory that the agent writes is first on PATH, then comes one with a bubblewrap that
 * lets another agent act first.
 */
export function placeEnvironment(root: string): Record<string, string> {
  return {
    PATH: [join(root, "work/project/.venv/bin"), join(root, "bin"), process.env.PATH].join(":"),
    HOME: join(root, "home"),
    LANG: "C.UTF-8",
    PICTL_HOME: join(root, "pictl"),
    PI_OFFLINE: "1",
  };
}

/** Stops what runs there, and empties it. */
export async function removePlace({ root, temporary }: PlaceDirectories): Promise<void> {
  await stopDaemon({ now: true }, placeEnvironment(root));
  for (const path of [root, temporary]) clear(path);
}

/**
 * A home with a workspace, and canaries with random content everywhere around it. What an agent can write is made anew for
 * every sequence, under the same names.
 */
export class Place {
  readonly root: string;
  /** In the machine's directory of temporary files, of which no sandbox sees anything. */
  readonly temporary: string;
  readonly home: string;
  readonly workspace: string;
  readonly agentDir: string;
  /** The session's own, and what the agent sees of it. */
  readonly sessionDirectory: string;
  readonly sessionDir: string;
  readonly sessionFile: string;
  /** The user's, for all projects, where that is what the user wants. */
  readonly sharedSessionDir: string;
  readonly cache: string;
  readonly paths: Paths;
  readonly env: Record<string, string>;
  readonly #bubblewrap: string;
  readonly #meanwhile: string;
  /** Canaries around what an agent can write, and in it. */
  #around: Canary[] = [];
  #inside: Canary[] = [];
  /** What pictl keeps of the agent's session, and writes itself. */
  #note: Canary | undefined;
  /** The names in directories in which nothing may be made or taken away, and their modes. */
  #lists = new Map<string, string>();

  /** @param directories empty ones, from {@link placeDirectories} */
  constructor({ root, temporary }: PlaceDirectories) {
    this.root = root;
    this.temporary = temporary;
    this.home = join(root, "home");
    this.workspace = join(root, "work/project");
    this.agentDir = join(this.home, ".pi/agent");
    this.sessionDirectory = sandboxedDirectoryFor(this.agentDir, this.workspace, SESSION);
    this.sessionDir = sandboxedFiles(this.sessionDirectory);
    this.sessionFile = join(this.sessionDir, `2026-01-02T00-00-00-000Z_${SESSION}.jsonl`);
    this.sharedSessionDir = join(this.home, "sessions");
    this.cache = join(this.home, ".npm/_cacache");
    this.env = placeEnvironment(root);
    this.paths = resolvePaths(this.env);
    this.#bubblewrap = findBubblewrap(process.env, []);
    this.#meanwhile = join(root, "bin/meanwhile");
    this.#makeAround();
  }

  /**
   * Makes everything as it was.
   *
   * @param together whether the user keeps the sessions of all projects in one directory
   */
  reset(together: boolean): void {
    if (this.changes().length > 0) this.#makeAround();
    this.#inside = [];
    for (const path of [this.workspace, this.sessionDir, this.cache, this.sharedSessionDir]) {
      mkdirSync(path, { recursive: true });
      chmodSync(path, 0o755);
      clear(path);
    }
    const canary = (path: string, readers: Readers, text = (id: string) => `${id}\n`) =>
      this.#inside.push(newCanary(path, readers, text));
    for (const [path, readers] of Object.entries(IN_WORKSPACE)) canary(join(this.workspace, path), readers);
    if (together) canary(join(this.sharedSessionDir, "2026-01-01T00-00-00-000Z_other.jsonl"), "nobody");
    const git = join(this.workspace, ".git");
    canary(join(git, "config"), "everybody", (id) => `[core]\n\tbare = false\n# ${id}\n`);
    canary(join(git, "hooks/pre-commit"), "everybody", (id) => `#!/bin/sh\n# ${id}\n`);
    const module = join(git, "modules/lib/config");
    canary(module, "everybody", (id) => `[core]\n\tworktree = ../../../lib\n# ${id}\n`);
    const policy = join(this.workspace, ".pictl/sandbox.toml");
    canary(policy, "everybody", (id) => `# ${id}\ndeny_read = ["never/there"]\n`);
    canary(join(this.sessionDirectory, "policy.json"), "nobody");
    const kept = { id: SESSION, cwd: this.workspace, options: {}, profile: "strict" };
    this.#note = newCanary(join(this.sessionDirectory, "session.json"), "nobody", () => JSON.stringify(kept));
    for (const [path, text] of Object.entries(OWN)) write(join(this.workspace, path), text);
    write(join(git, "worktrees/tree/gitdir"), `${join(this.workspace, "tree/.git")}\n`);
    for (const name of ["index", "data/index"]) write(join(this.cache, name), "x\n");
    write(this.sessionFile, this.#session("hello"));
    this.#remember([join(git, "hooks"), this.sessionDirectory, dirname(this.sessionDirectory)]);
  }

  /**
   * Has something done when pictl has looked at what it is going to mount, and before bubblewrap mounts it: as another
   * agent in the same workspace could.
   *
   * @param script of a shell
   */
  meanwhile(script: string): void {
    write(this.#meanwhile, script);
  }

  /** Takes what pictl has written for the agent's session for what nobody may change from now on. */
  acceptNote(): void {
    if (this.#note !== undefined && existsSync(this.#note.path)) this.#note = canaryAt(this.#note);
  }

  /** Expects no more of the session's directory where that has been deleted. */
  acceptDeletion(): void {
    if (existsSync(this.sessionDirectory)) return;
    this.#note = undefined;
    this.#inside = this.#inside.filter(({ path }) => dirname(path) !== this.sessionDirectory);
    this.#lists.delete(this.sessionDirectory);
    this.#remember([dirname(this.sessionDirectory)]);
  }

  /** The file of the agent's session, in which the user has said something. */
  #session(text: string): string {
    const header = { type: "session", version: 3, id: SESSION, timestamp: TIME, cwd: this.workspace };
    const message = { role: "user", content: [{ type: "text", text }], timestamp: 1767312000000 };
    const entry = { type: "message", id: "aaaa0000", parentId: null, timestamp: TIME, message };
    return [header, entry].map((line) => `${JSON.stringify(line)}\n`).join("");
  }

  #makeAround(): void {
    // Not what the daemon keeps, which may be running.
    clear(this.root, "pictl");
    this.#inside = [];
    this.#note = undefined;
    this.#around = [
      ...Object.entries(AROUND).map(([path, readers]) => newCanary(join(this.root, path), readers)),
      newCanary(join(this.temporary, "key"), "nobody"),
      // A copy that the user keeps of the session: what follows a link there takes it for the session's own file.
      newCanary(join(this.home, "kept/own.jsonl"), "nobody", (id) => this.#session(id)),
      ...[
        // Of a session of the project without a sandbox, and of another one in a sandbox.
        join(sessionDirFor(this.workspace, this.agentDir), "2026-01-01T00-00-00-000Z_bare.jsonl"),
        join(
          sandboxedDirectoryFor(this.agentDir, this.workspace, "other"),
          "files/2026-01-01T00-00-00-000Z_other.jsonl",
        ),
        join(sandboxedDirectoryFor(this.agentDir, this.workspace, "other"), "session.json"),
      ].map((path) => newCanary(path, "nobody")),
      newCanary(join(this.agentDir, "settings.json"), "everybody", (id) => `{"note": "${id}"}\n`),
      newCanary(join(this.agentDir, "auth.json"), "nobody", (id) =>
        JSON.stringify({ groq: { type: "api_key", key: id } }),
      ),
      newCanary(join(this.agentDir, "models.json"), "nobody", (id) =>
        JSON.stringify({ providers: { mine: { baseUrl: "https://m.example", apiKey: id } } }),
      ),
    ];
    for (const path of [
      join(this.home, "tools"),
      this.workspace,
      this.sessionDir,
      this.cache,
      this.sharedSessionDir,
    ])
      mkdirSync(path, { recursive: true });
    write(join(this.paths.configDir, "sandbox.toml"), "");
    this.meanwhile("");
    const bubblewrap = join(this.root, "bin/bwrap");
    write(bubblewrap, `#!/bin/sh\n. ${this.#meanwhile}\nexec ${this.#bubblewrap} "$@"\n`);
    chmodSync(bubblewrap, 0o755);
    this.#lists.clear();
    const { stateDir, dataDir } = this.paths;
    const directories = Object.keys(AROUND)
      .map((path) => dirname(join(this.root, path)))
      // pictl itself makes files there.
      .filter((path) => path !== stateDir && path !== dataDir);
    const ours = [this.home, dirname(this.workspace), this.agentDir, join(this.home, ".npm"), this.temporary];
    // What the daemon makes there.
    mkdirSync(join(this.agentDir, "pictl"), { recursive: true });
    mkdirSync(runDirectory(this.paths.runtimeDir), { recursive: true, mode: 0o700 });
    // Only root gets more in it by a change of its mode.
    chmodSync(join(this.home, "closed"), 0o555);
    this.#remember([...directories, ...ours, this.root, dirname(this.sessionDirectory)]);
  }

  #remember(directories: readonly string[]): void {
    for (const path of directories) this.#lists.set(path, namesIn(path) ?? "");
  }

  /** Sentences on what was changed that nobody may change. */
  changes(): string[] {
    const note = this.#note === undefined ? [] : [this.#note];
    const changed = [...this.#around, ...this.#inside, ...note].flatMap((canary) => {
      const difference = differenceOf(canary);
      return difference === undefined ? [] : [`${this.shortened(canary.path)} ${difference}`];
    });
    for (const [path, before] of this.#lists) {
      const now = namesIn(path);
      if (now !== undefined && now !== before)
        changed.push(`${this.shortened(path)} held ${before}, and holds ${now}`);
    }
    return changed;
  }

  /** Sentences on what of a text none of these may know. */
  leaks(text: string, known: readonly Reader[]): string[] {
    const ids = canariesIn(text);
    if (ids.size === 0) return [];
    return [...this.#around, ...this.#inside]
      .filter(({ id, readers }) => ids.has(id) && !known.some((reader) => mayRead(readers, reader)))
      .map(({ path }) => `the content of ${this.shortened(path)} was read`);
  }

  /** A path as the test's own output has it. */
  shortened(text: string): string {
    return text.replaceAll(this.root, "ROOT");
  }
}

/** The same content for the same path, as long as this process lives. */
const RANDOM = randomBytes(16).toString("hex");

function newCanary(path: string, readers: Readers, text = (id: string) => `${id}\n`): Canary {
  const id = `canary-${sha256(`${RANDOM}${path}`).slice(0, 16)}`;
  write(path, text(id));
  return { path, readers, id, text: text(id), stats: statSync(path) };
}

/** A canary as it is now. */
function canaryAt({ path, readers, id }: Canary): Canary {
  return { path, readers, id, text: readFileSync(path, "utf8"), stats: statSync(path) };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Undefined where an agent has closed a directory around it to its own user. */
function namesIn(path: string): string | undefined {
  try {
    return `${readdirSync(path).join()} (${(statSync(path).mode & 0o7777).toString(8)})`;
  } catch (error) {
    return systemErrorCode(error) === "EACCES" ? undefined : String(error);
  }
}

/** Undefined where nothing is different, or an agent has closed a directory around it to its own user. */
function differenceOf(canary: Canary): string | undefined {
  try {
    return changeOf(canary);
  } catch (error) {
    if (systemErrorCode(error) === "EACCES") return undefined;
    throw error;
  }
}

function changeOf({ path, text, stats }: Canary): string | undefined {
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (now === undefined) return "is gone";
  if (!now.isFile()) return "is no file any more";
  for (const key of ["mode", "uid", "gid", "size", "ino", "nlink"] as const)
    if (now[key] !== stats[key]) return `has another ${key}: ${stats[key]}, and now ${now[key]}`;
  if (now.mtimeMs !== stats.mtimeMs) return "has been touched";
  return readFileSync(path, "utf8") === text ? undefined : "has another content";
}

/** Removes what is in a directory, also where an agent has taken the right to do so away. */
function clear(directory: string, but?: string): void {
  const remove = () => {
    for (const name of readdirSync(directory))
      if (name !== but) rmSync(join(directory, name), { recursive: true, force: true });
  };
  try {
    remove();
  } catch {
    openAll(directory);
    remove();
  }
}

function openAll(directory: string): void {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) openAll(join(directory, entry.name));
}
