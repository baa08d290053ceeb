import { existsSync, lstatSync } from "node:fs";
import type { SandboxProfile } from "../../core/choices.ts";
import { replaceFile } from "../../core/config-change.ts";
import { PictlError } from "../../core/errors.ts";
import { type Environment, resolvePaths } from "../../core/paths.ts";
import { userPolicyFile, workspacePolicyFiles } from "../../sandbox/policy/load.ts";
import { policyTemplate } from "../../sandbox/policy/template.ts";

export interface PolicyWritten {
  path: string;
  profile: SandboxProfile;
  /** Whether a file was there. */
  replaced: boolean;
}

/**
 * Writes a commented sandbox.toml: the user's, or one for the repository of a directory (at its root).
 *
 * @throws PictlError INVALID_INPUT for a file that is there already unless `force`, STORAGE_UNAVAILABLE
 */
export function initPolicy(options: {
  workspace?: string;
  env: Environment;
  profile: SandboxProfile;
  force: boolean;
}): PolicyWritten {
  const { workspace, env, profile, force } = options;
  const kind = workspace === undefined ? "user" : "workspace";
  const path =
    workspace === undefined
      ? userPolicyFile(resolvePaths(env))
      : (workspacePolicyFiles(workspace).find((place) => existsSync(place)) ??
        (workspacePolicyFiles(workspace)[0] as string));
  const replaced = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (replaced && !force) {
    throw new PictlError("INVALID_INPUT", `${path} exists already.`, {
      hint: "Edit it (docs/sandbox.md explains the keys), or replace it with --force.",
      details: { path },
    });
  }
  // In one step, so that no agent ever starts under half a policy.
  replaceFile(path, policyTemplate(kind, profile), kind);
  return { path, profile, replaced };
}
