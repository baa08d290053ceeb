import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PictlError } from "../../../../../src/lib/core/errors.ts";
import { type Machine, tryFlags } from "../../../../../src/lib/sandbox/check/diagnose.ts";

/** A machine on which bubblewrap fails as soon as it is given a flag. */
function machine(failing: string | undefined, stderr: string, files: Record<string, string> = {}): Machine {
  return {
    read: (file) => files[file],
    attempt: (args) => (failing !== undefined && args.includes(failing) ? stderr : undefined),
  };
}

function failureOf(one: Machine): PictlError {
  try {
    tryFlags(one);
  } catch (error) {
    assert.ok(error instanceof PictlError);
    return error;
  }
  return assert.fail("it succeeded");
}

describe("tryFlags", () => {
  test("says nothing where all flags work", () => {
    tryFlags(machine(undefined, ""));
  });

  const switches: Record<string, string> = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/user/max_user_namespaces": "0",
  };
  for (const [file, value] of Object.entries(switches)) {
    test(`names ${file} behind --unshare-user`, () => {
      const error = failureOf(
        machine("--unshare-user", "bwrap: setting up uid map: Permission denied\n", { [file]: `${value}\n` }),
      );
      assert.equal(error.exitCode, 7);
      assert.match(error.message, /fails at --unshare-user: bwrap: setting up uid map/);
      assert.match(error.hint ?? "", new RegExp(file.replace("/proc/sys/", "").replaceAll("/", ".")));
      assert.equal(error.details?.switch, file);
    });
  }

  test("names the container's covers behind --proc", () => {
    const mounts = "proc /proc proc rw 0 0\ntmpfs /proc/kcore tmpfs rw 0 0\nproc /proc/sys proc ro 0 0\n";
    const error = failureOf(machine("--proc", "bwrap: Can't mount proc", { "/proc/self/mounts": mounts }));
    assert.match(error.message, /fails at --proc/);
    assert.match(error.hint ?? "", /2 places .*systempaths=unconfined/);
  });

  test("names a version that is too old", () => {
    const error = failureOf(machine("--disable-userns", "bwrap: Unknown option --disable-userns"));
    assert.match(error.hint ?? "", /bubblewrap 0\.8/);
  });
});
