import { join } from "node:path";
import type { SandboxProfile } from "../../core/choices.ts";
import type { Environment, Paths } from "../../core/paths.ts";
import { SANDBOXED_SESSIONS } from "../../core/session-files/locate.ts";
import { TOOL_CACHES } from "../runs-later/catalogue.ts";
import { credentialPaths } from "./credentials.ts";
import type { NetworkPolicy, SandboxPolicy } from "./policy.ts";
import { covers, OWN_PLACES, OWN_TMP } from "./roots.ts";

const GIB = 1024 ** 3;

/** What a profile says, with `~` for the home. The denials are the same in all of them: credentials.ts. */
export interface Profile {
  summary: string;
  read: readonly string[];
  home: SandboxPolicy["home"];
  allowWrite: readonly string[];
  network: NetworkPolicy;
  isolatePid: boolean;
  maxProcesses: number;
  maxOpenFiles: number;
  maxMemory: number;
  tmpSize: number;
  env: readonly string[];
}

/**
 * What compilers, interpreters and their packages are in. No /var, /srv, /mnt, /media or other homes: data of
 * other programs and people. What isn't there on a machine is passed over.
 */
const SYSTEM_DIRECTORIES = [
  "/bin",
  "/etc",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/opt",
  "/sbin",
  "/usr",
  "/nix/store",
  "/gnu/store",
  "/snap",
  "/home/linuxbrew/.linuxbrew",
] as const;

/** Where packages are downloaded from by default. No code hosts: whoever may push there may take data out. */
const REGISTRIES = [
  "registry.npmjs.org",
  "registry.yarnpkg.com",
  "nodejs.org",
  "jsr.io",
  "npm.jsr.io",
  "pypi.org",
  "files.pythonhosted.org",
  "crates.io",
  "index.crates.io",
  "static.crates.io",
  "static.rust-lang.org",
  "proxy.golang.org",
  "sum.golang.org",
  "rubygems.org",
  "index.rubygems.org",
  "repo.maven.apache.org",
  "repo1.maven.org",
  "plugins.gradle.org",
  "services.gradle.org",
  "api.nuget.org",
  "repo.packagist.org",
  "repo.hex.pm",
  "pub.dev",
] as const;

/** How text is shown and times are written. */
const LOCALE = [
  "LANG",
  "LANGUAGE",
  "LC_ALL",
  "LC_COLLATE",
  "LC_CTYPE",
  "LC_MESSAGES",
  "LC_MONETARY",
  "LC_NUMERIC",
  "LC_TIME",
  "TERM",
  "TZ",
] as const;

/** How programs talk, and how builds are set; none of them names a program that is run, or a socket. */
const BUILD = [
  ...LOCALE,
  "CI",
  "COLORTERM",
  "COLUMNS",
  "FORCE_COLOR",
  "LINES",
  "NO_COLOR",
  "DEBIAN_FRONTEND",
  "CFLAGS",
  "CXXFLAGS",
  "LDFLAGS",
  "MAKEFLAGS",
  "RUST_BACKTRACE",
  "RUST_LOG",
  "GOFLAGS",
  "NODE_ENV",
  "PYTHONDONTWRITEBYTECODE",
  "PYTHONUNBUFFERED",
  "SOURCE_DATE_EPOCH",
] as const;

/** Where toolchains are that a version manager or a person has installed in a home. */
const TOOLCHAINS = [
  "CARGO_HOME",
  "RUSTUP_HOME",
  "RUSTUP_TOOLCHAIN",
  "GOPATH",
  "GOROOT",
  "JAVA_HOME",
  "NVM_DIR",
  "PYENV_ROOT",
  "RBENV_ROOT",
  "VIRTUAL_ENV",
  "CONDA_PREFIX",
  "ANDROID_HOME",
  "DOTNET_ROOT",
] as const;

/** The profiles, each in full, from the weakest to the strictest. docs/sandbox.md shows them, held equal by a test. */
export const PROFILES: Readonly<Record<SandboxProfile, Profile>> = {
  minimal: {
    summary: "what can be read stays readable except credentials; writing is for the workspace",
    read: ["/"],
    home: "read",
    allowWrite: [OWN_TMP],
    network: { kind: "open" },
    isolatePid: true,
    maxProcesses: 4096,
    maxOpenFiles: 65_536,
    maxMemory: 16 * GIB,
    tmpSize: 4 * GIB,
    env: [...BUILD, ...TOOLCHAINS, "EDITOR", "PAGER", "VISUAL"],
  },
  development: {
    summary: "builds and installs packages; talks to the model and to package registries",
    read: ["/"],
    home: "read",
    allowWrite: [
      OWN_TMP,
      // Of those whose files are linked into projects there is an empty one (own-caches.ts).
      ...TOOL_CACHES.filter(({ holds }) => holds !== "links").map(({ path }) => path),
    ],
    network: { kind: "hosts", allow: REGISTRIES.map((host) => ({ host })) },
    isolatePid: true,
    maxProcesses: 2048,
    maxOpenFiles: 32_768,
    maxMemory: 8 * GIB,
    tmpSize: 2 * GIB,
    env: [...BUILD, ...TOOLCHAINS],
  },
  strict: {
    summary: "an empty home, the workspace and the system's programs; talks to the model alone",
    read: SYSTEM_DIRECTORIES,
    home: "empty",
    allowWrite: [OWN_TMP],
    network: { kind: "model" },
    isolatePid: true,
    maxProcesses: 512,
    maxOpenFiles: 16_384,
    maxMemory: 4 * GIB,
    tmpSize: GIB,
    env: LOCALE,
  },
};

/** What a policy is about, beside its files. */
export interface PolicyPlaces {
  /** The directory that a session works in. */
  workspace: string;
  home: string;
  /** Of whom the agent works for. */
  env: Environment;
  /** Of this pictl. */
  paths: Paths;
  /** Homes of other people, which root could read. */
  otherHomes?: readonly string[];
}

/** Of pi's directory. What pictl keeps there besides, the prompts of sessions, is shown to whom it is given. */
const PI_DENIED = ["auth.json", "sessions", SANDBOXED_SESSIONS, "pictl/options", "pictl/locks"];

/** Denials that no file lifts: what the agent would need to act as pictl, or as the user towards a provider. */
export function fixedDenials({ home, env, paths }: PolicyPlaces): string[] {
  const agentDirs = [join(home, ".pi/agent"), expandHome(env.PI_CODING_AGENT_DIR, home)];
  const caches = [join(home, ".cache"), expandHome(env.XDG_CACHE_HOME, home)];
  return [
    ...new Set([
      // What other sessions have said and read; an agent is given the one that is its own.
      ...agentDirs.flatMap((dir) => (dir === undefined ? [] : PI_DENIED.map((name) => join(dir, name)))),
      paths.runtimeDir,
      paths.stateDir,
      paths.dataDir,
      paths.configDir,
      // Code that pictl runs outside of the sandbox (bin/run.js).
      ...caches.flatMap((dir) => (dir === undefined ? [] : [join(dir, "pictl")])),
    ]),
  ];
}

function expandHome(path: string | undefined, home: string): string | undefined {
  if (!path) return undefined;
  if (path === "~") return home;
  if (path.startsWith("~/")) return join(home, path.slice(2));
  return path.startsWith("/") ? path : undefined;
}

/** A profile as a policy for one place. It is not enabled: a file or a flag does that. */
export function profilePolicy(name: SandboxProfile, places: PolicyPlaces): SandboxPolicy {
  const { home } = places;
  const { summary, ...profile } = PROFILES[name];
  const expand = (path: string) => expandHome(path, home) ?? path;
  // A home in a place that is cut out of "/" (a test's, in /tmp) needs a root of its own.
  const homeIsCut = profile.home === "read" && !covers("/", home, OWN_PLACES);
  return {
    ...profile,
    enabled: false,
    profile: name,
    read: [...profile.read, ...(homeIsCut ? [home] : [])],
    denyRead: [
      ...new Set([
        ...fixedDenials(places),
        ...credentialPaths(home, places.env),
        ...(places.otherHomes ?? []),
      ]),
    ],
    allowWrite: profile.allowWrite.map(expand),
    env: [...profile.env],
    exposeCredentials: [],
    allowNoSandbox: false,
  };
}
