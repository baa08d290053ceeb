import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { SandboxProfile } from "../core/choices.ts";
import { contains } from "../core/contains.ts";
import { PictlError } from "../core/errors.ts";
import { rememberingLook, rememberingRealPath } from "../core/links.ts";
import { agentPlaces } from "../core/outside/agent-places.ts";
import { directoriesToRepositoryRoot, type Environment, type Paths } from "../core/paths.ts";
import { realPath } from "../core/real-path.ts";
import { sha256 } from "../core/sha256.ts";
import { homeOf } from "../core/user.ts";
import { otherSessions } from "./other-sessions.ts";
import { findOutsideGit, type OutsideGit, type RefusedGit, writableGit } from "./outside-git.ts";
import { refuseMovedDirectory, refusePlantedLinks } from "./planted-links.ts";
import { policyDigest } from "./policy/digest.ts";
import { type LoadedPolicy, loadPolicy, userPolicyFile } from "./policy/load.ts";
import { narrow } from "./policy/narrow.ts";
import type { SandboxPolicy } from "./policy/policy.ts";
import { OWN_TMP } from "./policy/roots.ts";
import { policyPlaces } from "./policy-places.ts";

/** What an agent's sandbox is made of, worked out before there is one. */
export interface SandboxPlan {
  policy: SandboxPolicy;
  /** The same for two agents only when one could serve the other's session. */
  key: string;
  /** The repository that the session's directory is in, or that directory: what can be written. */
  workspace: string;
  /** Its git directory, where that isn't in it: of a linked worktree or a submodule. */
  git: OutsideGit | undefined;
  /** The directory in it that is worked in. */
  cwd: string;
  /** Where it really is. */
  home: string;
  agentDir: string;
  /** Where the agent keeps its session's file, and writes; undefined where it keeps none. */
  sessionDir: string | undefined;
  /** What its session is promised with it. */
  promised: PromisedPolicy;
  /** Where what the policy denies really is. */
  denied: string[];
  /** Where other sessions are that a policy doesn't know of: nothing of it is seen. */
  otherSessions: string[];
  /** What holds the policy in its place, read-only inside. */
  policyFiles: string[];
  /** Files and packages that the agent needs to see. */
  programs: string[];
  /** What the user may want to know of the policy. */
  warnings: string[];
}

export interface SandboxRequest {
  /** `--sandbox PROFILE`: it was asked for, whatever the files say. */
  profile?: SandboxProfile | undefined;
  /** Whether there is to be one in any case, of the profile that the files say. */
  always?: boolean | undefined;
  /** `--no-sandbox`. */
  refused?: boolean | undefined;
  /** The directory that is worked in. */
  cwd: string;
  environment: Environment;
  paths: Paths;
  agentDir: string;
  /** Whether a session runs in it, whose directory was recorded when it was created. */
  ofSession?: boolean;
  /** Where the agent keeps its session's file; absent: it keeps none. */
  sessionDir?: string | undefined;
  /** What the session has been promised. */
  promised?: PromisedPolicy | undefined;
}

/** A policy that held for a session, as it was, and whose it was. */
export interface PromisedPolicy {
  policy: SandboxPolicy;
  /** Path of the user's `sandbox.toml`, which needn't exist. */
  userFile: string;
}

/**
 * The sandbox that a program has to run in: because it was asked for, or because the user's or the workspace's `sandbox.toml` says so.
 *
 * @returns undefined where none was asked for
 * @throws PictlError INVALID_CONFIG, SANDBOX_REQUIRED, SANDBOX_UNAVAILABLE
 */
export function planSandbox(request: SandboxRequest & { always: true }): Promise<SandboxPlan>;
export function planSandbox(request: SandboxRequest): Promise<SandboxPlan | undefined>;
export async function planSandbox(request: SandboxRequest): Promise<SandboxPlan | undefined> {
  const { cwd, environment, paths, agentDir, sessionDir } = request;
  const named = homeOf(environment);
  const loaded = await policyFor(request, named);
  if (loaded === undefined) return undefined;
  const { policy, files } = loaded;
  const userFile = userPolicyFile(paths);
  const home = realPath(named);
  // A session's directory has been free of links since it was created.
  const here = realPath(cwd);
  if (request.ofSession) refuseMovedDirectory(cwd, here);
  const workspace = workspaceAround(here, home);
  const look = rememberingLook();
  const denied = policy.denyRead.map(rememberingRealPath(look));
  const found = findOutsideGit(workspace, { home, denied });
  const git = found === undefined || "refused" in found ? undefined : found;
  const policyFiles = policyPlaces(files, { cwd: here, workspace, writable: policy.allowWrite });
  const writable = writablePlaces({ workspace, git, sessionDir, policy });
  const others = otherSessions(environment, { cwd, workspace, home }, () => agentPlaces(paths.agentPlaces));
  refusePlantedLinks([...policy.read, ...policy.allowWrite, ...policy.denyRead], writable, look);
  const parts = [
    policyDigest(policy),
    workspace,
    git ?? null,
    home,
    agentDir,
    sessionDir ?? null,
    others,
    policyFiles,
    paths.configDir,
  ];
  return {
    policy,
    key: sha256(JSON.stringify(parts), "base64"),
    workspace,
    git,
    cwd,
    home,
    agentDir,
    sessionDir,
    promised: isForeign(request.promised, userFile) ? request.promised : { policy, userFile },
    denied,
    otherSessions: others,
    policyFiles,
    programs: [],
    warnings: [...loaded.warnings, ...gitWarnings(found)],
  };
}

/**
 * The plan of a sandbox in which a program is to run that isn't pictl's own.
 *
 * @param command program and leading arguments
 * @param words among which are files that the user has named, which may be read
 */
export function withProgram(
  plan: SandboxPlan,
  command: readonly string[],
  words: readonly string[],
): SandboxPlan {
  const programs = [...programRoots(command), ...namedFiles(words, plan)];
  return { ...plan, key: sha256(JSON.stringify([plan.key, programs]), "base64"), programs };
}

/** The workspace of a plan, and its git directory where that is elsewhere. */
export function workspacePlaces({ workspace, git }: Pick<SandboxPlan, "workspace" | "git">): string[] {
  return [workspace, ...writableGit(git)];
}

/**
 * Where the agent, or the command, of a plan can write, beside what the sandbox has for itself. For the directory of its
 * session stand those of all sandboxed sessions: these places are kept for ever.
 */
export function writablePlaces(
  plan: Pick<SandboxPlan, "workspace" | "git" | "sessionDir" | "policy">,
): string[] {
  const { sessionDir, policy } = plan;
  const sessions = sessionDir === undefined ? [] : [resolve(sessionDir, "../../..")];
  const roots = policy.allowWrite.filter((path) => path !== OWN_TMP);
  return [...workspacePlaces(plan), ...sessions, ...roots].map(realPath);
}

/**
 * Whether a promise was made under another user's policy, or one of another PICTL_HOME: it holds then beside this one.
 * What the user's own file says later holds from then on.
 */
function isForeign(promised: PromisedPolicy | undefined, userFile: string): promised is PromisedPolicy {
  return promised !== undefined && promised.userFile !== userFile;
}

function gitWarnings(found: OutsideGit | RefusedGit | undefined): string[] {
  if (found === undefined || !("refused" in found)) return [];
  return [
    `The git directory ${found.gitDir} isn't opened, because ${found.refused}: git doesn't work inside.`,
  ];
}

async function policyFor(
  { profile, always, refused, cwd, environment, paths, promised }: SandboxRequest,
  home: string,
): Promise<LoadedPolicy | undefined> {
  const loaded = await loadPolicy({
    workspace: cwd,
    home,
    env: environment,
    paths,
    always,
    ...(profile === undefined ? {} : { profile }),
  });
  const { policy } = loaded;
  if (!refused) {
    if (!policy.enabled && !always && profile === undefined) return undefined;
    if (!isForeign(promised, userPolicyFile(paths))) return loaded;
    return { ...loaded, policy: narrow(policy, promised.policy, home) };
  }
  if (!policy.enabled || policy.allowNoSandbox) return undefined;
  throw new PictlError(
    "SANDBOX_REQUIRED",
    "Your sandbox.toml says enabled = true, so --no-sandbox is refused.",
    {
      hint: "Leave out --no-sandbox, or set allow_no_sandbox = true in your own sandbox.toml (`pictl sandbox show`).",
      details: { files: loaded.files },
    },
  );
}

/**
 * What can be written from a directory: the repository that it is in, or itself where that would hold the home, or there
 * is none. Symlinks are followed.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE where what can be written would hold what is to be kept from the agent
 */
export function workspaceOf(cwd: string, home: string): string {
  return workspaceAround(realPath(cwd), realPath(home));
}

/** Follows no link: what was put in the directory's place since it was looked at isn't where it is. */
function workspaceAround(here: string, home: string): string {
  const root = directoriesToRepositoryRoot(here, (candidate) => existsSync(join(candidate, ".git"))).at(-1);
  // Of a repository around the home, as some keep their settings in, nothing but the directory itself is meant.
  const workspace = [root ?? here, here].find((directory) => !contains(directory, home));
  if (workspace !== undefined) return workspace;
  throw new PictlError(
    "SANDBOX_UNAVAILABLE",
    `A sandbox can't protect your home while ${here} is its workspace, which may be written.`,
    { hint: "Work in a directory of the project's own.", details: { cwd: here, home } },
  );
}

/** The packages that a program is a file of: all that is installed beside it, for it imports from there. */
function programRoots(command: readonly string[]): string[] {
  return command.filter((word) => isAbsolute(word) && existsSync(word)).map(packageRoot);
}

function packageRoot(file: string): string {
  const path = realpathSync(file);
  const at = path.indexOf("/node_modules/");
  if (at >= 0) return path.slice(0, at + "/node_modules".length);
  for (let directory = dirname(path); dirname(directory) !== directory; directory = dirname(directory))
    if (existsSync(join(directory, "package.json"))) return directory;
  return path;
}

/**
 * Files that the words name: prompts, scenarios, extensions. What a policy denies stays so, and of a directory nobody
 * means all that is in it.
 */
function namedFiles(words: readonly string[], plan: SandboxPlan): string[] {
  const { cwd, denied } = plan;
  const candidates = words.flatMap((word) => [
    word,
    word.startsWith("scripted/") ? word.slice("scripted/".length) : word.slice(word.indexOf("=") + 1),
  ]);
  const named = candidates
    .filter((word) => isAbsolute(word) || /^\.{0,2}\//.test(word))
    .map((word) => resolve(cwd, word));
  refusePlantedLinks(named, writablePlaces(plan));
  const files = [...new Set(named.map(realPath))].filter(
    (path) => isFile(path) && !KERNELS.some((own) => contains(own, path)),
  );
  return files.filter((path) => !denied.some((place) => contains(place, path)));
}

/** What looks like files there tells of processes and of the machine. */
const KERNELS = ["/proc", "/sys", "/dev"];

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Not there, or not to be looked at: a word that was no name of a file.
    return false;
  }
}
