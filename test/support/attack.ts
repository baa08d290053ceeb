import { spawnSync } from "node:child_process";
import { describe } from "node:test";
import { type SandboxProfile, sandboxProfiles } from "../../src/lib/core/choices.ts";
import { WITHOUT_BUBBLEWRAP } from "./bubblewrap.ts";
import { LONG } from "./speed.ts";
import { BIN, Workspace } from "./workspace.ts";

/** Ids of an ordinary user, which no password file has. */
const ORDINARY = { uid: 1_234_568, gid: 1_234_568 };

/** Under what, and as whom, an attack is made. */
export interface AttackSetting {
  profile: SandboxProfile;
  /** A place whose commands run as that user, whose it is. */
  makePlace(): Workspace;
  /** For programs that the test starts itself: the user, where that is another one. */
  ids: { uid?: number; gid?: number };
}

/**
 * Declares the tests of an attack. In `npm test` it is made under one profile by whoever runs the tests; in the long form
 * under all of them, and where that is root as an ordinary user too.
 *
 * @param shortProfile the profile of `npm test`
 * @param options `profiles`: those under which the attack means something; `ofUsers`: root isn't kept out of anything, so
 *   that `npm test` makes it as an ordinary user
 */
export function attack(
  title: string,
  shortProfile: SandboxProfile,
  declare: (setting: AttackSetting) => void,
  {
    profiles = sandboxProfiles,
    ofUsers = false,
  }: { profiles?: readonly SandboxProfile[]; ofUsers?: boolean } = {},
): void {
  const isRoot = process.getuid?.() === 0;
  if (!LONG) {
    const isOrdinary = isRoot && ofUsers;
    const skip = WITHOUT_BUBBLEWRAP || (isOrdinary && withoutOrdinaryUser());
    describe(title, { skip }, () => declare(settingOf(shortProfile, isOrdinary)));
    return;
  }
  for (const isOrdinary of isRoot ? [false, true] : [false]) {
    const skip = WITHOUT_BUBBLEWRAP || (isOrdinary && withoutOrdinaryUser());
    for (const profile of profiles) {
      const as = isOrdinary ? "an ordinary user" : "whoever runs the tests";
      describe(`${title}, under ${profile} as ${as}`, { skip }, () =>
        declare(settingOf(profile, isOrdinary)),
      );
    }
  }
}

function settingOf(profile: SandboxProfile, isOrdinary: boolean): AttackSetting {
  const user = isOrdinary ? ORDINARY : undefined;
  return { profile, makePlace: () => new Workspace({}, user), ids: user ?? {} };
}

/** Why this machine can't run pictl as such a user, or false. */
function withoutOrdinaryUser(): string | false {
  const { status } = spawnSync(process.execPath, [BIN, "--version"], { ...ORDINARY, env: { HOME: "/" } });
  return status === 0 ? false : "the checkout can't be read by other users";
}
