import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { contains } from "../core/contains.ts";
import { PictlError } from "../core/errors.ts";
import { linksTo } from "../core/links.ts";
import { realPath } from "../core/real-path.ts";
import { POLICY_FILE } from "./policy/load.ts";
import { OWN_TMP } from "./policy/roots.ts";

/**
 * What has to be read-only inside so that the policy stays what it is: the `.pictl` directories from where somebody
 * works up to the root of the workspace (of a file alone the directory could be renamed), and where the policy's files
 * really are. A `.pictl` that isn't there yet can be made inside: its policy restricts those who come later, and what its
 * `config.toml` chooses is reported.
 *
 * @param files of the policy
 * @param workspace of which `cwd` is a part; both free of links
 * @param writable roots that can be written beside it
 * @throws PictlError SANDBOX_UNAVAILABLE naming a link that leads to a file and could be replaced inside
 */
export function policyPlaces(
  files: readonly string[],
  { cwd, workspace, writable }: { cwd: string; workspace: string; writable: readonly string[] },
): string[] {
  const directories: string[] = [];
  for (let at = cwd; contains(workspace, at); at = dirname(at)) directories.push(join(at, ".pictl"));
  const roots = [workspace, ...writable.filter((root) => root !== OWN_TMP).map(realPath)];
  for (const file of [...directories.map((directory) => join(directory, POLICY_FILE)), ...files]) {
    const link = linksTo(file).find(({ path }) => roots.some((root) => contains(root, path)));
    if (link === undefined) continue;
    throw new PictlError(
      "SANDBOX_UNAVAILABLE",
      `A sandbox can't protect its own policy: ${link.path} is a symbolic link, and can be written inside.`,
      {
        hint: "Put what it leads to in its place.",
        details: { path: link.path },
      },
    );
  }
  const there = directories.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
  return [...there, ...files.map(realPath)];
}
