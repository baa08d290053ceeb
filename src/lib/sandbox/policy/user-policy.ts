import { contains } from "../../core/contains.ts";
import { isSecretName } from "../../core/redact.ts";
import { isStricter, narrow, withoutDenied } from "./narrow.ts";
import { type Origin, retrace, type TracedPolicy, traced } from "./origins.ts";
import type { SandboxPolicy } from "./policy.ts";
import type { PolicyFile } from "./policy-file.ts";
import { fixedDenials, type PolicyPlaces, profilePolicy } from "./profiles.ts";

/** The profile of who names none. */
export const DEFAULT_PROFILE: SandboxPolicy["profile"] = "development";

/**
 * The user's side of a policy: a profile, the user's file on top of it, and `--sandbox PROFILE`, which turns the
 * sandbox on. The flag's profile takes the place of the file's, unless that would weaken a sandbox that the file
 * demands: then only a stricter one has an effect.
 *
 * @param warnings gets what is worth telling the user
 */
export function userPolicy(
  places: PolicyPlaces,
  file: PolicyFile | undefined,
  flag: SandboxPolicy["profile"] | undefined,
  warnings: string[],
): TracedPolicy {
  const own = file?.settings.profile ?? DEFAULT_PROFILE;
  const demanded = file?.settings.enabled === true && file.settings.allowNoSandbox !== true;
  const weaker = flag !== undefined && isStricter(own, flag);
  if (weaker && demanded)
    warnings.push(
      `--sandbox ${flag} changes nothing: ${file.path} demands the stricter profile ${own}, and doesn't have allow_no_sandbox.`,
    );
  const profile = weaker && !demanded ? flag : own;
  const base = traced(profilePolicy(profile, places), { from: "profile", profile });
  const withFile = file === undefined ? base : setFrom(base, file, places, warnings);
  const named =
    weaker && !demanded ? retraceKeys(withFile, { profile }, { from: "flag" }, ["profile"]) : withFile;
  const narrowed =
    flag !== undefined && isStricter(flag, own)
      ? retrace(named, narrow(named.policy, profilePolicy(flag, places), places.home), (key) =>
          key === "profile" ? { from: "flag" } : { from: "profile", profile: flag },
        )
      : named;
  const on =
    flag === undefined || narrowed.policy.enabled
      ? narrowed
      : retraceKeys(narrowed, { enabled: true }, { from: "flag" }, ["enabled"]);
  // Who has not demanded a sandbox may do without.
  return file?.settings.enabled === true
    ? on
    : retraceKeys(on, { allowNoSandbox: true }, originOfFile(file, "allowNoSandbox"), []);
}

function retraceKeys(
  before: TracedPolicy,
  change: Partial<SandboxPolicy>,
  origin: Origin,
  said: readonly (keyof SandboxPolicy)[],
): TracedPolicy {
  return retrace(before, { ...before.policy, ...change }, () => origin, new Set(said));
}

function originOfFile(file: PolicyFile | undefined, key: keyof SandboxPolicy): Origin {
  if (file === undefined) return { from: "profile", profile: DEFAULT_PROFILE };
  const line = file.lines[key];
  return { from: file.kind, path: file.path, ...(line === undefined ? {} : { line }) };
}

/** What the user's file says takes the place of the profile's; its denials come on top of them. */
function setFrom(
  base: TracedPolicy,
  file: PolicyFile,
  places: PolicyPlaces,
  warnings: string[],
): TracedPolicy {
  const { read = [], denyRead = [], profile: _, ...replaced } = file.settings;
  const { policy } = base;
  const fixed = fixedDenials(places);
  const lifted = read.filter((path) => !fixed.includes(path));
  const denials = [...new Set([...policy.denyRead.filter((path) => !lifted.includes(path)), ...denyRead])];
  const changed = withoutDenied({
    ...policy,
    ...replaced,
    read: [...new Set([...policy.read, ...read])],
    denyRead: denials,
  });
  warnings.push(...doubts(file, changed, places));
  const said = Object.keys(file.settings).filter((key) => key !== "read" && key !== "denyRead");
  const next = retrace(
    base,
    changed,
    (key) => originOfFile(file, key),
    new Set(said as (keyof SandboxPolicy)[]),
  );
  // Also where the profile denies it, the user's own line is the one to point at.
  const own = denyRead.map((path) => [`denyRead ${path}`, originOfFile(file, "denyRead")]);
  return { policy: next.policy, origins: { ...next.origins, ...Object.fromEntries(own) } };
}

/** What a file allows that its author may not have thought of, and what it says in vain. */
function doubts(file: PolicyFile, policy: SandboxPolicy, { env }: PolicyPlaces): string[] {
  const place = (key: keyof SandboxPolicy) =>
    file.lines[key] === undefined ? file.path : `${file.path}:${file.lines[key]}`;
  const { allowWrite = [], env: names = [] } = file.settings;
  const searched = (env.PATH ?? "").split(":").filter((directory) => directory.startsWith("/"));
  return [
    ...(["read", "allowWrite"] as const).flatMap((key) =>
      (file.settings[key] ?? []).flatMap((path) => {
        const denial = policy.denyRead.find((denied) => contains(denied, path));
        const name = key === "read" ? "allow_read" : "allow_write";
        return denial === undefined
          ? []
          : [`${place(key)}: ${name} "${path}" has no effect: "${denial}" is denied.`];
      }),
    ),
    ...allowWrite.flatMap((path) => {
      const program = searched.find((directory) => contains(path, directory) || contains(directory, path));
      return program === undefined
        ? []
        : [
            `${place("allowWrite")}: allow_write "${path}" opens "${program}", which is on PATH: what an agent puts there runs outside of the sandbox.`,
          ];
    }),
    ...(file.settings.exposeCredentials ?? []).map(
      (id) =>
        `${place("exposeCredentials")}: every program in the sandbox can read the credentials of ${id} from its environment.`,
    ),
    ...names
      .filter(isSecretName)
      .map((name) => `${place("env")}: env passes ${name}, which every program in the sandbox can read.`),
  ];
}
