import { execFile, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { type SandboxProfile, sandboxProfiles } from "../../src/lib/core/choices.ts";
import { WITHOUT_BUBBLEWRAP } from "./bubblewrap.ts";
import { LONG } from "./speed.ts";
import { BIN, type Result, type RunOptions, Workspace } from "./workspace.ts";

/** Ids of an ordinary user, which no password file has. */
const ORDINARY = { uid: 1_234_568, gid: 1_234_568 };

/** As whom an attack is made. */
export interface AttackOwner {
  /** A place whose commands run as that user, whose it is. */
  makePlace(): Workspace;
  /** For programs that the test starts itself: the user, where that is another one. */
  ids: { uid?: number; gid?: number };
}

/** Under what, and as whom, an attack is made. */
export interface AttackSetting extends AttackOwner {
  profile: SandboxProfile;
  /** Runs a script in a sandbox of that profile. */
  runInside(place: Workspace, script: string, options?: RunOptions): Promise<Result>;
}

/**
 * Declares the tests of an attack. In `npm test` it is made under one profile by whoever runs the tests; in the long form
 * under all of them, and where that is root as an ordinary user too. A file that calls this has a long form
 * (scripts/test/plan.ts).
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
  if (!LONG) {
    const isOrdinary = ofUsers && isRoot();
    const skip = WITHOUT_BUBBLEWRAP || (isOrdinary && withoutOrdinaryUser());
    describe(title, { skip }, () => declare(settingOf(shortProfile, ownerOf(isOrdinary))));
    return;
  }
  forEachOwner((as, skip, owner) => {
    for (const profile of profiles)
      describe(`${title}, under ${profile} as ${as}`, { skip: WITHOUT_BUBBLEWRAP || skip }, () =>
        declare(settingOf(profile, owner)),
      );
  });
}

/**
 * Declares the tests of an attack that begins when its sandbox has ended: the test itself leaves what an agent would, so that
 * no profile matters. In the long form it is made as an ordinary user too, as in {@link attack}.
 */
export function attackOutside(title: string, declare: (owner: AttackOwner) => void): void {
  if (!LONG) {
    describe(title, () => declare(ownerOf(false)));
    return;
  }
  forEachOwner((as, skip, owner) => describe(`${title}, as ${as}`, { skip }, () => declare(owner)));
}

/**
 * Declares a test of the long form that runs a file as an ordinary user, where root runs the tests: for one whose attacks are
 * met in its own process.
 *
 * @param file path of the file, which is the one that calls this
 */
export function repeatAsOrdinaryUser(file: string): void {
  if (!LONG || !isRoot()) return;
  test("the same as an ordinary user", { skip: withoutOrdinaryUser() }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "pictl-user-"));
    t.after(() => rmSync(directory, { recursive: true }));
    chownSync(directory, ORDINARY.uid, ORDINARY.gid);
    const { PICTL_TEST_LONG: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
    // Rejects, with what it has printed, where a test of it fails.
    await promisify(execFile)(process.execPath, ["--test-reporter=spec", file], {
      ...ORDINARY,
      env: { ...env, HOME: directory, TMPDIR: directory },
      cwd: directory,
    });
  });
}

function forEachOwner(declare: (as: string, skip: string | false, owner: AttackOwner) => void): void {
  declare("whoever runs the tests", false, ownerOf(false));
  if (isRoot()) declare("an ordinary user", withoutOrdinaryUser(), ownerOf(true));
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function settingOf(profile: SandboxProfile, owner: AttackOwner): AttackSetting {
  const command = ["sandbox", "run", "--profile", profile, "--", "sh", "-c"];
  return {
    ...owner,
    profile,
    runInside: (place, script, options) => place.run([...command, script], options),
  };
}

function ownerOf(isOrdinary: boolean): AttackOwner {
  const user = isOrdinary ? ORDINARY : undefined;
  return { makePlace: () => new Workspace({}, user), ids: user ?? {} };
}

/** Why this machine can't run pictl as such a user, or false. */
function withoutOrdinaryUser(): string | false {
  const { status } = spawnSync(process.execPath, [BIN, "--version"], { ...ORDINARY, env: { HOME: "/" } });
  return status === 0 ? false : "the checkout can't be read by other users";
}
