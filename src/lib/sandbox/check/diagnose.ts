import { readFileSync } from "node:fs";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { SYSTEM_PATH } from "../../core/outside/find-program.ts";
import { runProgramSync } from "../../core/outside/start-program.ts";
import type { Environment } from "../../core/paths.ts";
import { findBubblewrap } from "../bubblewrap/find-bubblewrap.ts";

/** A sandbox that runs nothing is made within 50 ms; a busy machine may need a hundred times that. */
const TIMEOUT_MS = 15_000;
const ATTEMPTS = 2;

/** The flags of every sandbox, in the order in which they are added until one fails; each with what it is for. */
const FLAGS: readonly (readonly [flag: string, args: readonly string[]])[] = [
  ["--ro-bind", ["--ro-bind", "/", "/"]],
  ["--unshare-user", ["--unshare-user"]],
  ["--unshare-pid", ["--unshare-pid"]],
  ["--unshare-ipc", ["--unshare-ipc"]],
  ["--unshare-net", ["--unshare-net"]],
  ["--unshare-uts", ["--unshare-uts", "--hostname", "sandbox"]],
  ["--unshare-cgroup-try", ["--unshare-cgroup-try"]],
  ["--disable-userns", ["--disable-userns"]],
  ["--cap-drop", ["--cap-drop", "ALL"]],
  ["--new-session", ["--new-session"]],
  ["--die-with-parent", ["--die-with-parent"]],
  ["--proc", ["--proc", "/proc"]],
  ["--dev", ["--dev", "/dev"]],
  ["--size", ["--size", "1048576", "--tmpfs", "/tmp"]],
  ["--ro-bind /proc/sys", ["--ro-bind", "/proc/sys", "/proc/sys"]],
  ["--remount-ro", ["--remount-ro", "/dev"]],
];

/** A kernel's switch: where it stands, when it forbids, and how it is turned. */
interface Switch {
  file: string;
  forbids: string;
  fix: string;
}

const USER_NAMESPACES: readonly Switch[] = [
  {
    file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    forbids: "1",
    fix: "AppArmor keeps programs without a profile from it: give bwrap one that has `userns,` (Ubuntu: sudo apt-get install apparmor-profiles), or sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
  },
  {
    file: "/proc/sys/kernel/unprivileged_userns_clone",
    forbids: "0",
    fix: "sudo sysctl kernel.unprivileged_userns_clone=1",
  },
  {
    file: "/proc/sys/user/max_user_namespaces",
    forbids: "0",
    fix: "sudo sysctl user.max_user_namespaces=10000",
  },
];

export interface Machine {
  read(file: string): string | undefined;
  /** Runs bubblewrap with these flags and `true`. What it says, or undefined when it succeeds. Throws TIMEOUT. */
  attempt(args: readonly string[]): string | undefined;
}

/**
 * Runs bubblewrap with the whole flag set, and where that fails finds the flag that does, and the switch behind it.
 *
 * @throws PictlError SANDBOX_UNAVAILABLE naming both, TIMEOUT
 */
export function tryFlags(machine: Machine): void {
  const whole = FLAGS.flatMap(([, args]) => args);
  if (machine.attempt(whole) === undefined) return;
  for (let count = 1; count <= FLAGS.length; count++) {
    const added = FLAGS.slice(0, count);
    const stderr = machine.attempt(added.flatMap(([, args]) => args));
    if (stderr === undefined) continue;
    const flag = added.at(-1)?.[0] ?? "";
    const cause = causeOf(flag, machine);
    const said = stderr.trim().split("\n").at(-1)?.replace(/\.+$/, "");
    throw new PictlError(
      "SANDBOX_UNAVAILABLE",
      `bubblewrap fails at ${flag}: ${said || "it says nothing"}.`,
      {
        hint: cause.hint,
        details: { flag, stderr, ...(cause.file === undefined ? {} : { switch: cause.file }) },
      },
    );
  }
}

function causeOf(flag: string, machine: Machine): { hint: string; file?: string } {
  if (flag === "--unshare-user" || flag === "--ro-bind" || flag === "--unshare-pid") {
    const found = USER_NAMESPACES.find(({ file, forbids }) => machine.read(file)?.trim() === forbids);
    if (found !== undefined) {
      const name = found.file.replace("/proc/sys/", "").replaceAll("/", ".");
      return { hint: `${name} is ${found.forbids}. ${found.fix}.`, file: found.file };
    }
    return {
      hint: "No switch of the kernel forbids it that is known: in a container, run that with --security-opt seccomp=unconfined (and apparmor=unconfined).",
    };
  }
  if (flag === "--proc" || flag.includes("/proc")) {
    const masked = (machine.read("/proc/self/mounts") ?? "").match(/^\S+ \/proc\/\S+/gm)?.length ?? 0;
    return {
      hint: `${masked} places below /proc are covered here, as in most containers, and then the kernel gives no new /proc: run the container with --security-opt systempaths=unconfined.`,
      file: "/proc/self/mounts",
    };
  }
  if (flag === "--disable-userns" || flag === "--size")
    return {
      hint: "This needs bubblewrap 0.8 or later, and for --disable-userns a writable /proc/sys/user.",
    };
  return { hint: "Run `bwrap` with this flag by hand to see more." };
}

/**
 * @param places in which sandboxed agents can write: bubblewrap isn't taken from there
 * @throws PictlError SANDBOX_UNAVAILABLE where there is no other
 */
export function thisMachine(environment: Environment, places: readonly string[]): Machine {
  const bubblewrap = findBubblewrap(environment, places);
  return {
    read: (file) => {
      try {
        return readFileSync(file, "utf8");
      } catch {
        // A kernel without the switch doesn't forbid by it.
        return undefined;
      }
    },
    attempt: (args) => {
      const command = [...args, "--", "true"];
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const { status, stderr, error } = runProgramSync(bubblewrap, command, {
          timeout: TIMEOUT_MS,
          stdio: ["ignore", "ignore", "pipe"],
          env: { PATH: SYSTEM_PATH },
        });
        if (status === 0) return undefined;
        if (systemErrorCode(error) !== "ETIMEDOUT") return stderr || error?.message || `exit code ${status}`;
      }
      throw tooSlow(bubblewrap);
    },
  };
}

function tooSlow(bubblewrap: string): PictlError {
  const message = `${bubblewrap} did not end within ${TIMEOUT_MS / 1000} s, in ${ATTEMPTS} attempts.`;
  const hint = "The machine may be busy: try again.";
  const details = { program: bubblewrap, timeoutMs: TIMEOUT_MS };
  return new PictlError("TIMEOUT", message, { hint, details, retryable: true });
}
