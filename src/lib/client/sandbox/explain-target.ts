import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { PictlError } from "../../core/errors.ts";
import { protectedPaths } from "../../sandbox/bubblewrap/mounts.ts";
import { workspaceOf } from "../../sandbox/plan.ts";
import { type Explained, explainHost, explainPath, type Verdict } from "../../sandbox/policy/explain.ts";
import { normalizeHost } from "../../sandbox/policy/hosts.ts";
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
 * @throws PictlError USAGE for what is neither, SANDBOX_UNAVAILABLE where no sandbox could protect the home
 */
export function explainTarget(current: CurrentPolicy, target: string): Explanation {
  const { policy, origins, home, cwd, files } = current;
  const { enabled } = policy;
  if (isPath(target, cwd)) {
    const workspace = workspaceOf(cwd, home);
    const expanded = target === "~" || target.startsWith("~/") ? join(home, target.slice(1)) : target;
    const about: Explained = {
      policy,
      origins,
      home,
      workspace,
      readOnly: [...files, ...protectedPaths(workspace).filter((path) => !isDirectoryOfGit(path))],
      resolve: rememberingRealpath(),
    };
    return { enabled, ...explainPath(about, resolve(cwd, expanded)) };
  }
  const { host, port } = parseHost(target);
  return { enabled, host, port, connect: explainHost({ policy, origins }, host, port) };
}

function isPath(target: string, cwd: string): boolean {
  if (/^[/~.]/.test(target)) return true;
  if (/^[a-z][a-z+.-]*:\/\//i.test(target)) return false;
  return target.includes("/") || lstatSync(join(cwd, target), { throwIfNoEntry: false }) !== undefined;
}

/** It can't be renamed away, but what is in it can be written, save what is protected by itself. */
function isDirectoryOfGit(path: string): boolean {
  return basename(path) === ".git" && lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
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

/** What is asked again and again: each of a policy's places is looked at for reading and for writing. */
function rememberingRealpath(): (path: string) => string {
  const known = new Map<string, string>();
  return (path) => {
    const real = known.get(path) ?? realpathAsFarAsItGoes(path);
    known.set(path, real);
    return real;
  };
}

/** The path with its symlinks followed; of what doesn't exist, its nearest parent that does. */
function realpathAsFarAsItGoes(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    // Not there, or behind a directory that may not be entered: what stands before it can still be a link.
    const parent = dirname(path);
    return parent === path ? path : join(realpathAsFarAsItGoes(parent), basename(path));
  }
}
