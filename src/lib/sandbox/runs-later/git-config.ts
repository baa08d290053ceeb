/** A place that a git configuration names, from which git runs or obeys more. */
export interface ConfiguredPlace {
  /** As `git config` names it. */
  name: string;
  path: string;
  /** Relative to the worktree; another one is relative to the file that names it. */
  isHooks: boolean;
}

/**
 * What `core.hooksPath` and `include.path` of a configuration say; git itself isn't asked, since it would obey the file.
 * Source: git-config(1).
 */
export function configuredPlaces(text: string): ConfiguredPlace[] {
  const places: ConfiguredPlace[] = [];
  for (const { section, key, value } of settings(text)) {
    const name = `${section}.${key}`;
    if (value === "" || value.startsWith("~")) continue;
    if (section === "core" && key.toLowerCase() === "hookspath")
      places.push({ name, path: value, isHooks: true });
    else if (section.startsWith("include") && key.toLowerCase() === "path")
      places.push({ name, path: value, isHooks: false });
  }
  return places;
}

/** What `core.worktree` of a configuration says, relative to the git directory. Undefined where it says nothing. */
export function configuredWorktree(text: string): string | undefined {
  return settings(text).findLast(({ section, key }) => section === "core" && key.toLowerCase() === "worktree")
    ?.value;
}

function settings(text: string): { section: string; key: string; value: string }[] {
  let section = "";
  return text.split("\n").flatMap((line) => {
    section = /^\s*\[\s*([\w.-]+)/.exec(line)?.[1]?.toLowerCase() ?? section;
    const [, key, value = ""] = /^\s*(?:\[[^\]]*\])?\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined) return [];
    return [{ section, key, value: value.replace(/\s+[#;].*$/, "").replace(/^"(.*)"$/, "$1") }];
  });
}
