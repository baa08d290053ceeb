import { lstatSync } from "node:fs";
import { join, resolve } from "node:path";
import { PictlError } from "../../core/errors.ts";
import { rememberingRealPath } from "../../core/links.ts";
import { realPath } from "../../core/real-path.ts";
import { gitPaths, type HeldGit, outsideGitPaths } from "../../sandbox/git-directory.ts";
import { isWrittenGit } from "../../sandbox/held-git.ts";
import { findOutsideGit, type OutsideGit, type RefusedGit } from "../../sandbox/outside-git.ts";
import { workspaceOf } from "../../sandbox/plan.ts";
import { type Explained, explainHost, explainPath, type Verdict } from "../../sandbox/policy/explain.ts";
import { normalizeHost } from "../../sandbox/policy/hosts.ts";
import { policyPlaces } from "../../sandbox/policy-places.ts";
import type { CurrentPolicy } from "./current-policy.ts";

/** What a policy says of a path or a host. `enabled` false: it would say so, if there were a sandbox. */
export type Explanation = { enabled: boolean } & (
  | { path: string; resolved: string; read: Verdict; write: Verdict }
  | { host: string; port: number; connect: Verdict }
);

/**
 * Says whether an agent in the sandbox may read and write a path, or connect to a host. Symlinks of the path are
 * followed, as enforcement follows them.
 *
 * @param target a path (`~/…`, `./…`, or whatever exists under that name), a host with or without a port, a URL
 * @throws PictlError USAGE for what is neither, SANDBOX_UNAVAILABLE where no sandbox could protect the home, or its policy
 */
export function explainTarget(current: CurrentPolicy, target: string): Explanation {
  const { policy, origins, home, cwd, files } = current;
  const { enabled } = policy;
  if (isPath(target, cwd)) {
    const workspace = workspaceOf(cwd, home);
    const real = rememberingRealPath();
    const git = findOutsideGit(workspace, { home: real(home), denied: policy.denyRead.map(real) });
    const { held, reopened } = heldIn(workspace, git);
    const expanded = target === "~" || target.startsWith("~/") ? join(home, target.slice(1)) : target;
    const about: Explained = {
      policy,
      origins,
      home,
      workspace,
      readOnly: [
        ...policyPlaces(files, { cwd: realPath(cwd), workspace, writable: policy.allowWrite }),
        ...held.filter((path) => !isWrittenGit(path)),
      ],
      reopened,
      git,
      resolve: real,
    };
    return { enabled, ...explainPath(about, resolve(cwd, expanded)) };
  }
  const { host, port } = parseHost(target);
  return { enabled, host, port, connect: explainHost({ policy, origins }, host, port) };
}

function heldIn(workspace: string, git: OutsideGit | RefusedGit | undefined): HeldGit {
  const own = gitPaths(workspace);
  if (git === undefined || "refused" in git) return own;
  const outside = outsideGitPaths(git);
  return { held: [...own.held, ...outside.held], reopened: [...own.reopened, ...outside.reopened] };
}

function isPath(target: string, cwd: string): boolean {
  if (/^[/~.]/.test(target)) return true;
  if (/^[a-z][a-z+.-]*:\/\//i.test(target)) return false;
  return target.includes("/") || lstatSync(join(cwd, target), { throwIfNoEntry: false }) !== undefined;
}

function parseHost(target: string): { host: string; port: number } {
  const text = /^[a-z][a-z+.-]*:\/\//i.test(target) ? target : `https://${target}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // A URL forgets the port that is its scheme's own.
  const port = Number(url?.port || (url?.protocol === "http:" ? 80 : 443));
  const host = normalizeHost(url?.hostname ?? "");
  if (host !== "") return { host, port };
  throw new PictlError("USAGE", `"${target}" is neither a path nor a host.`, {
    hint: "Write a path as ~/.ssh, ./src or /etc, a host as registry.npmjs.org or registry.npmjs.org:443.",
    details: { target },
  });
}
