import type { SandboxProfile } from "../../core/choices.ts";
import { formatSize } from "../../core/size.ts";
import { formatHostRule } from "./hosts.ts";
import { PROFILES, type Profile } from "./profiles.ts";

/** How many entries of a list are shown in a comment; docs/sandbox.md and `sandbox show` have all. */
const SHOWN_ENTRIES = 4;

/** A commented file to start from. What is commented out is what the profile says anyway. */
export function policyTemplate(kind: "user" | "workspace", profile: SandboxProfile): string {
  return kind === "user" ? userTemplate(profile) : workspaceTemplate(profile);
}

function userTemplate(profile: SandboxProfile): string {
  const values = PROFILES[profile];
  return `# What pictl's agents may do: docs/sandbox.md. See what holds with \`pictl sandbox show\`, ask with
# \`pictl sandbox explain PATH|HOST\`, try it on this machine with \`pictl sandbox check\`.

# Every new session runs in a sandbox, and is refused where there can be none.
enabled = true

# minimal, development or strict. All that is commented out below is what ${profile} says.
# ${profile}: ${values.summary}.
profile = "${profile}"

# Whether \`--no-sandbox\` may be said although it is enabled.
# allow_no_sandbox = false

# Denied on top of the places of credentials, which are denied in every profile.
# deny_read = ["~/Documents"]

# Can be read beside what the profile has. An entry that is exactly a denied place of the profile, such as
# "~/.npmrc", lifts that denial.
# allow_read = []

# Can be written beside the workspace. "/tmp" is the sandbox's own. This takes the place of the profile's list.
# allow_write = ${list(values.allowWrite)}${more(values.allowWrite)}

# "none", "model" (the hosts of the session's provider), { allow = [hosts] } (these as well), "open"
# network = ${networkText(values)}

# Other processes of the machine can't be seen.
# isolate_pid = ${values.isolatePid}

# For all that runs inside together, where the kernel's control groups can be used, else for each process.
# max_processes = ${values.maxProcesses}
# max_memory = "${formatSize(values.maxMemory)}"
# Of each process.
# max_open_files = ${values.maxOpenFiles}
# Of /tmp, and of an empty home.
# tmp_size = "${formatSize(values.tmpSize)}"

# Variables that pass beside what the agent itself needs. This takes the place of the profile's list.
# env = ${list(values.env)}${more(values.env)}

# Providers that can't be used with their credential outside (docs/sandbox-network.md), whose variables are let in.
# expose_credentials = []
`;
}

function workspaceTemplate(profile: SandboxProfile): string {
  return `# What agents may not do in this repository. This file adds restrictions to each person's own sandbox.toml and
# can't take any away: denials come together, allowances are what both files have, limits are the lower ones.
# See what holds with \`pictl sandbox show\`.

# Sessions here run in a sandbox, also for who hasn't enabled it.
enabled = true

# Applies where it is stricter than the person's own.
profile = "${profile}"

# Relative paths are below the directory that has .pictl in it.
# deny_read = [".env", "secrets"]

# No more than these, and of these only what the person's own policy allows.
# allow_write = ["/tmp"]
# network = { allow = ["registry.npmjs.org"] }
# env = ["LANG", "TERM"]
# max_processes = 512
# max_memory = "4G"
`;
}

function list(entries: readonly string[]): string {
  return `[${entries
    .slice(0, SHOWN_ENTRIES)
    .map((entry) => JSON.stringify(entry))
    .join(", ")}]`;
}

/** A comment, so that the line is still one of TOML. */
function more(entries: readonly string[]): string {
  const rest = entries.length - SHOWN_ENTRIES;
  return rest > 0 ? ` # and ${rest} more: pictl sandbox show` : "";
}

function networkText({ network }: Profile): string {
  if (network.kind !== "hosts") return `"${network.kind}"`;
  const hosts = network.allow.map(formatHostRule);
  return `{ allow = ${list(hosts)} }${more(hosts)}`;
}
