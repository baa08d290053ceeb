import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { contains } from "../../core/contains.ts";
import { PictlError } from "../../core/errors.ts";
import { directoriesToRepositoryRoot, type Environment, type Paths } from "../../core/paths.ts";
import { originOfDenial, type PolicyOrigins, type TracedPolicy } from "./origins.ts";
import type { SandboxPolicy } from "./policy.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { PolicyPlaces } from "./profiles.ts";
import { userPolicy } from "./user-policy.ts";
import { narrowByWorkspace } from "./workspace-policy.ts";

export const POLICY_FILE = "sandbox.toml";

/** A home that is a package manager's and no person's. */
const NO_PERSONS_HOME = "/home/linuxbrew";

export interface PolicyRequest {
  /** The directory that a session works in; absolute. */
  workspace: string;
  home: string;
  /** Of whom the agent works for. */
  env: Environment;
  paths: Paths;
  /** `--sandbox PROFILE` of the command line. */
  profile?: SandboxPolicy["profile"];
  /** Whether there is to be a sandbox though the policy doesn't say `enabled`. */
  always?: boolean | undefined;
}

export interface LoadedPolicy {
  policy: SandboxPolicy;
  origins: PolicyOrigins;
  /** Sentences for the user: what is said in vain, what allows more than it seems. */
  warnings: string[];
  /** The policy files that exist, the user's first. They are read-only inside. */
  files: string[];
}

/**
 * The policy that holds in a directory: the user's side, narrowed by every `.pictl/sandbox.toml` from the directory
 * up to the home, or to the root. All of them, and not those of the repository: a file in a subdirectory, or a
 * repository made there, as an agent can, would else put the outer ones out of force. The parser and its schema are
 * loaded only when there is a file.
 *
 * @throws PictlError INVALID_CONFIG naming file, line and key
 */
export async function loadPolicy(request: PolicyRequest): Promise<LoadedPolicy> {
  const home = normalize(request.home).replace(/(?<=.)\/$/, "");
  const workspace = normalize(request.workspace).replace(/(?<=.)\/$/, "");
  const places: PolicyPlaces = { ...request, home, workspace, otherHomes: otherHomes(home) };
  const user = userPolicyFile(request.paths);
  const inWorkspace = restrictingFiles(workspace, home);
  const warnings: string[] = [];
  const userFile = isMissing(user) ? undefined : await read(user, home);
  let traced = userPolicy(places, userFile, request.profile, warnings);
  for (const path of inWorkspace) {
    const file = await read(path, home, dirname(dirname(path)));
    traced = narrowByWorkspace(traced, file, places, warnings);
  }
  refuseDeniedWorkspace(traced, places, request.always === true || traced.policy.enabled, warnings);
  return { ...traced, warnings, files: [...(userFile === undefined ? [] : [user]), ...inWorkspace] };
}

/**
 * A denial of what lies around the workspace leaves the workspace alone; one of itself can't be meant. The
 * workspace reaches up to the root of the repository, but never takes in the home.
 */
function refuseDeniedWorkspace(
  { policy, origins }: TracedPolicy,
  { workspace, home }: PolicyPlaces,
  holds: boolean,
  warnings: string[],
): void {
  const denied = repositoryDirectories(workspace).find(
    (directory) => policy.denyRead.includes(directory) && !contains(directory, home),
  );
  if (denied === undefined) return;
  const { path, line, profile } = originOfDenial(origins, denied) ?? {};
  const by = path === undefined ? `the profile ${profile}` : line === undefined ? path : `${path}:${line}`;
  const message = `${by}: deny_read has the workspace itself, ${denied}: no agent could work there.`;
  if (!holds) return void warnings.push(message);
  throw new PictlError("INVALID_CONFIG", message, {
    hint: "Work in another directory, or deny what is in it and not the whole.",
    details: { key: "deny_read", workspace: denied, ...(path === undefined ? { profile } : { path, line }) },
  });
}

/** From the directory itself to the root of its repository. */
function repositoryDirectories(workspace: string): string[] {
  return directoriesToRepositoryRoot(workspace, (dir) => existsSync(join(dir, ".git")));
}

/**
 * The files that restrict what is done in a directory, the outermost first. In a directory of everybody's, such as
 * /tmp, anybody could restrict others: a file counts that belongs to the user, to root, or to who owns the directory.
 */
export function restrictingFiles(workspace: string, home: string): string[] {
  const directories = directoriesToRepositoryRoot(workspace, (dir) => dir === home || dir === "/");
  return directories
    .flatMap((dir) => {
      const path = join(dir, ".pictl", POLICY_FILE);
      return !isMissing(path) && isTrusted(path, dir) ? [path] : [];
    })
    .reverse();
}

function isTrusted(path: string, directory: string): boolean {
  try {
    const { uid } = lstatSync(path);
    return [process.getuid?.(), 0, statSync(directory).uid].includes(uid);
  } catch {
    // What can't be looked at may restrict: reading it says why.
    return true;
  }
}

/** Where the user's file is, or would be made. */
export function userPolicyFile(paths: Paths): string {
  return join(paths.configDir, POLICY_FILE);
}

/** Where a workspace's files would be, the repository root's first. */
export function workspacePolicyFiles(workspace: string): string[] {
  return repositoryDirectories(workspace)
    .map((dir) => join(dir, ".pictl", POLICY_FILE))
    .reverse();
}

async function read(path: string, home: string, base?: string): Promise<PolicyFile> {
  const { readPolicyFile } = await import("./policy-file.ts");
  return readPolicyFile(path, home, base);
}

/** Whether nothing is there. A link that leads nowhere is something: what it led to may restrict. */
function isMissing(path: string): boolean {
  const [quiet, directory] = [{ throwIfNoEntry: false }, dirname(path)] as const;
  try {
    if (lstatSync(path, quiet) !== undefined) return false;
    return !lstatSync(directory, quiet)?.isSymbolicLink() || statSync(directory, quiet) !== undefined;
  } catch {
    // A file that can't be looked at may restrict: reading it says why.
    return false;
  }
}

/** Homes that root could read, but for the one that this program runs from. */
function otherHomes(home: string): string[] {
  return ["/root", ...entries("/home")].filter(
    (other) => !contains(other, home) && !contains(other, process.execPath) && other !== NO_PERSONS_HOME,
  );
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    // None there, or none that can be seen.
    return [];
  }
}
