import { thinkingLevels } from "../../core/choices.ts";
import { CONFIG_KEYS } from "../../core/config-keys.ts";
import type { ManifestArg, ManifestFlag } from "../manifest.ts";
import { sessionSettings } from "../session-settings.ts";

/** What can be typed at a place of the command line that isn't a flag or a command. */
export type ValueKind =
  | { kind: "words"; candidates: Candidate[] }
  | { kind: "sessions" | "names" | "models" }
  | { kind: "files" | "directories" }
  | { kind: "nothing" };

export interface Candidate {
  value: string;
  /** A few words, which zsh and fish show beside it. */
  about?: string;
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const NOTHING: ValueKind = { kind: "nothing" };

/** Flags and arguments go by their names, which mean the same in every command. */
const BY_NAME: Readonly<Record<string, ValueKind>> = {
  session: { kind: "sessions" },
  sessions: { kind: "sessions" },
  file: { kind: "files" },
  output: { kind: "files" },
  cwd: { kind: "directories" },
  "system-prompt": { kind: "files" },
  "append-system-prompt": { kind: "files" },
  model: { kind: "models" },
  level: words(thinkingLevels),
  shell: words(SHELLS),
};

/** The values of a flag that takes one. */
export function flagValues(flag: ManifestFlag): ValueKind {
  return flag.options === undefined ? (BY_NAME[flag.name] ?? NOTHING) : words(flag.options);
}

/**
 * The values of an argument.
 *
 * @param before the arguments in front of it: the value of `config set` depends on the key
 * @param current what has been typed of it: a prompt names files with `@`
 */
export function argumentValues(
  command: string,
  arg: ManifestArg,
  before: readonly string[],
  current: string,
): ValueKind {
  if (arg.options !== undefined) return words(arg.options);
  if (arg.name === "message") return current.startsWith("@") ? { kind: "files" } : NOTHING;
  const [key = ""] = before;
  switch (`${command} ${arg.name}`) {
    case "config:get key":
    case "config:set key":
    case "config:unset key":
      return {
        kind: "words",
        candidates: CONFIG_KEYS.map((known) => ({ value: known.key, about: known.summary })),
      };
    case "config:set value":
      return configValues(key);
    case "session:settings key":
      return words(Object.keys(sessionSettings));
    case "session:settings value":
      return words(Object.hasOwn(sessionSettings, key) ? (sessionSettings[key]?.values ?? []) : []);
    case "session:ensure name":
      return { kind: "names" };
    case "session:model name":
      return { kind: "models" };
    default:
      return BY_NAME[arg.name] ?? NOTHING;
  }
}

function configValues(name: string): ValueKind {
  const known = CONFIG_KEYS.find(({ key }) => key === name);
  if (known?.values !== undefined) return words(known.values);
  if (known?.kind === "command") return { kind: "files" };
  return known?.key === "model" ? { kind: "models" } : NOTHING;
}

function words(values: readonly string[]): ValueKind {
  return { kind: "words", candidates: values.map((value) => ({ value })) };
}
