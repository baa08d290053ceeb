import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { SandboxProfile } from "../../core/choices.ts";
import { directoriesToRepositoryRoot, type Environment, type Paths } from "../../core/paths.ts";
import { loadPolicy, userPolicyFile, workspacePolicyFiles } from "../policy/load.ts";
import type { SandboxPolicy } from "../policy/policy.ts";
import { placesBelow, StandIns } from "./stand-ins.ts";

/** Stand-ins and the policy that holds for them. */
export interface Place {
  standIns: StandIns;
  policy: SandboxPolicy;
  /** The directory in the workspace that is worked in. */
  cwd: string;
  /** Where sandboxes keep what is made for them. */
  runtimeDir: string;
}

/** Whose policy is checked, and where. */
export interface PolicySource {
  cwd: string;
  home: string;
  env: Environment;
  paths: Paths;
  profile?: SandboxProfile;
}

/**
 * Makes stand-ins with the policy that the user has here: `~` is their home, and the policy's files are copies.
 *
 * @param isOpen whether /etc has a stand-in, too, since it may be written
 */
export async function makePlace(source: PolicySource, root: string, isOpen: boolean): Promise<Place> {
  const { cwd, env, paths, profile } = source;
  const { pictl, workspace, home } = placesBelow(root);
  const ownPaths: Paths = {
    ...paths,
    runtimeDir: join(pictl, "run"),
    stateDir: join(pictl, "state"),
    dataDir: join(pictl, "data"),
    configDir: join(pictl, "config"),
  };
  const copies = copyPolicyFiles(cwd, paths, ownPaths, workspace);
  const standIns = await StandIns.make(root, isOpen ? join(root, "etc") : "/etc", copies.files);
  try {
    const { policy } = await loadPolicy({
      workspace: copies.cwd,
      home,
      env: { PATH: env.PATH },
      paths: ownPaths,
      ...(profile === undefined ? {} : { profile }),
    });
    return { standIns, policy, cwd: copies.cwd, runtimeDir: join(root, "runtime") };
  } catch (error) {
    await standIns.close();
    throw error;
  }
}

/** Where the user or the repository has no file of a policy, an empty one stands for it. */
function copyPolicyFiles(cwd: string, paths: Paths, ownPaths: Paths, workspace: string) {
  const repository = directoriesToRepositoryRoot(cwd, (dir) => existsSync(join(dir, ".git"))).at(-1) ?? cwd;
  const copyOf = (path: string) => join(workspace, relative(repository, path));
  const files: string[] = [];
  const copy = (original: string, path: string, always: boolean) => {
    if (!always && !existsSync(original)) return;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (existsSync(original)) copyFileSync(original, path);
    else writeFileSync(path, "# a stand-in\n");
    files.push(path);
  };
  copy(userPolicyFile(paths), userPolicyFile(ownPaths), true);
  for (const [index, path] of workspacePolicyFiles(cwd).entries()) copy(path, copyOf(path), index === 0);
  return { files, cwd: copyOf(cwd) };
}
