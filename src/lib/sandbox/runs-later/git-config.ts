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
  let section = "";
  for (const line of text.split("\n")) {
    section = /^\s*\[\s*([\w.-]+)/.exec(line)?.[1]?.toLowerCase() ?? section;
    const [, key = "", value = ""] = /^\s*(?:\[[^\]]*\])?\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    const path = value.replace(/\s+[#;].*$/, "").replace(/^"(.*)"$/, "$1");
    const name = `${section}.${key}`;
    if (path === "" || path.startsWith("~")) continue;
    if (section === "core" && key.toLowerCase() === "hookspath") places.push({ name, path, isHooks: true });
    else if (section.startsWith("include") && key.toLowerCase() === "path")
      places.push({ name, path, isHooks: false });
  }
  return places;
}
