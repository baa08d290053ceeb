import { readFileSync } from "node:fs";
import { join } from "node:path";

/** As much of a flag in oclif.manifest.json as is used outside of oclif. */
export interface ManifestFlag {
  name: string;
  type: "option" | "boolean";
  char?: string;
  description?: string;
  summary?: string;
  helpValue?: string;
  helpGroup?: string;
  options?: string[];
  default?: unknown;
  env?: string;
  multiple?: boolean;
  required?: boolean;
  hidden?: boolean;
  allowNo?: boolean;
  exclusive?: string[];
}

export interface ManifestArg {
  name: string;
  description?: string;
  options?: string[];
  required?: boolean;
  multiple?: boolean;
  hidden?: boolean;
}

export interface ManifestCommand {
  /** Words with colons between them: `session:list`. */
  id: string;
  summary?: string;
  description?: string;
  examples?: (string | { description?: string; command: string })[];
  args: Record<string, ManifestArg>;
  flags: Record<string, ManifestFlag>;
  hidden?: boolean;
  strict?: boolean;
}

/** The commands of a release and the descriptions of their topics, without oclif. */
export interface Manifest {
  commands: ManifestCommand[];
  /** By name, with spaces between its words. */
  topics: Record<string, string>;
}

/** Reads what oclif wrote at build time. @param root directory of the package */
export function readManifest(root: string): Manifest {
  const manifest = readJson<{ commands: Record<string, ManifestCommand> }>(join(root, "oclif.manifest.json"));
  const { oclif } = readJson<{ oclif: { topics: Record<string, { description: string }> } }>(
    join(root, "package.json"),
  );
  return {
    commands: Object.values(manifest.commands).sort((a, b) => (a.id < b.id ? -1 : 1)),
    topics: Object.fromEntries(
      Object.entries(oclif.topics).map(([name, { description }]) => [name.replaceAll(":", " "), description]),
    ),
  };
}

/** `session:queue:list` as it is typed. */
export function commandName({ id }: { id: string }): string {
  return id.replaceAll(":", " ");
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}
