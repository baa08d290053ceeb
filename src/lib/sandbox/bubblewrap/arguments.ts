import type { ChildSetting } from "../../core/inherited.ts";
import type { SandboxPolicy } from "../policy/policy.ts";
import { limitArguments } from "./process-limits.ts";

/** Descriptor on which bubblewrap reads the seccomp filter; the three before it are the program's own. */
export const SECCOMP_FD = 3;
/** Descriptor of the channel by which the listening socket of the gate comes out. */
export const CHANNEL_FD = 4;
/** Descriptor on which bubblewrap tells how what it started has ended. It closes it to what runs inside by itself. */
export const STATUS_FD = 5;
/** Descriptor of the channel on which the program waits until somebody has looked at what was mounted. */
export const PERMIT_FD = 6;
/** The first of the descriptors from which bubblewrap writes the quotas of the sandbox's user namespace, in their order. */
export const QUOTA_FD = 7;

/**
 * Runs before the program, inside. It says that all is mounted, and waits for a line that permits it to go on; where
 * there is none any more who could, it ends. (`--block-fd` of bubblewrap doesn't say when it waits, and goes on then.)
 * The variables come last, so that nothing but the system's own programs has run until then.
 *
 * It hands out the gate's listening socket, and closes to the program what was meant for that. A command may connect at
 * once, and waits until the port is open. pi takes longer to start than that, and is started meanwhile (as is nobody's
 * child, so that no zombie is left). With what makes Node use a proxy, the one that listens would load half of Node first.
 */
const START = `when=$1 node=$2 listen=$3; shift 3
echo >&${PERMIT_FD} && read -r _ <&${PERMIT_FD} || exit 125
exec ${PERMIT_FD}>&-
while [ "$1" != -- ]; do export "$1"; shift; done; shift
case $when in
before) NODE_USE_ENV_PROXY= "$node" "$listen" </dev/null >/dev/null || exit 125;;
meanwhile) (NODE_USE_ENV_PROXY= "$node" "$listen" </dev/null >/dev/null &);;
esac
unset NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE
exec ${SECCOMP_FD}>&- ${CHANNEL_FD}>&- "$@"`;

/** Joins the control groups, each named by the file that is written for that, then becomes bubblewrap. */
const JOIN = `while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"`;

/**
 * Memory of the first process inside, which is bubblewrap's and ends all when its parent ends. It has the agent's user id, so
 * that the agent could write itself into it, and stay.
 */
const FIRST_PROCESS = ["/proc/1/mem", "/proc/1/task/1/mem"];

/** Parts of the command line that can be taken away, to show that something notices. */
export type BubblewrapPart =
  | "userns"
  | "caps"
  | "proc-sys"
  | "quotas"
  | "session"
  | "first"
  | "remount"
  | "limits"
  | "pid"
  | "net"
  | "ipc"
  | "cgroup";

/**
 * The whole command line of a sandboxed program.
 *
 * @param mounts from `mountArguments`
 * @param listener how the gate's port is opened inside; undefined where the gate isn't needed for a way out
 * @param joins files of a control group, from `createControlGroup`
 */
export function sandboxCommand(options: {
  bubblewrap: string;
  policy: SandboxPolicy;
  mounts: readonly string[];
  cwd: string;
  command: readonly string[];
  listener: { node: string; file: string; when: "before" | "meanwhile" } | undefined;
  hasFilter: boolean;
  joins: readonly string[];
  /** Files of /proc/sys/user that are written from {@link QUOTA_FD} on. */
  quotas: readonly string[];
  /** Files of /proc that can't be opened inside, from `rootOnlyKernelFiles`. */
  covered: readonly string[];
  /**
   * Variables of the program that bubblewrap itself must not have, nor what runs before the mounts were looked at. None
   * is a secret, for command lines are seen.
   */
  variables: Readonly<Record<string, string>>;
  /** Limits that it gets before those of the policy, which can't be above them. */
  setting?: ChildSetting | undefined;
  without?: readonly BubblewrapPart[] | undefined;
}): string[] {
  const {
    bubblewrap,
    policy,
    mounts,
    cwd,
    command,
    listener,
    hasFilter,
    joins,
    quotas,
    covered,
    variables,
    setting,
  } = options;
  const has = (part: BubblewrapPart) => !options.without?.includes(part);
  const isolatePid = policy.isolatePid && has("pid");
  return [
    ...(setting?.prefix ?? []),
    ...(joins.length > 0 && has("cgroup") ? ["/bin/sh", "-c", JOIN, "pictl-sandbox", ...joins, "--"] : []),
    bubblewrap,
    "--unshare-user",
    ...(has("userns") ? ["--disable-userns"] : []),
    ...(has("ipc") ? ["--unshare-ipc"] : []),
    ...(isolatePid ? ["--unshare-pid"] : []),
    ...(policy.network.kind !== "open" && has("net") ? ["--unshare-net"] : []),
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--hostname",
    "sandbox",
    // Without it the machine's root would keep its rights over what the sandbox sees of the machine.
    ...(has("caps") ? ["--cap-drop", "ALL"] : ["--cap-add", "ALL"]),
    ...(has("session") ? ["--new-session"] : []),
    "--die-with-parent",
    ...withProc(mounts, isolatePid),
    // bubblewrap writes them in the user namespace that it has made. The program is in one below, which they bind too.
    ...quotas.flatMap((file, index) => ["--file", String(QUOTA_FD + index), file]),
    // Root is the owner of /proc/sys/** also without any capability.
    ...(has("proc-sys") ? ["--ro-bind", "/proc/sys", "/proc/sys"] : []),
    // A mount of bubblewrap's opens no devices, so that opening one of these is refused.
    ...[...covered, ...(isolatePid && has("first") ? FIRST_PROCESS : [])].flatMap((path) => [
      "--ro-bind",
      "/dev/null",
      path,
    ]),
    // What bubblewrap has made to hold the mounts, and the devices, is memory without a bound.
    ...(has("remount") ? ["--remount-ro", "/"] : []),
    ...(has("remount") && mounts.includes("--dev") ? ["--remount-ro", "/dev"] : []),
    ...(hasFilter ? ["--seccomp", String(SECCOMP_FD)] : []),
    "--json-status-fd",
    String(STATUS_FD),
    "--chdir",
    cwd,
    "--",
    ...(has("limits") ? limitArguments(policy, setting?.limits) : []),
    "/bin/sh",
    "-c",
    START,
    "pictl-start",
    listener?.when ?? "",
    listener?.node ?? "",
    listener?.file ?? "",
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    "--",
    ...command,
  ];
}

/** Processes that are seen anyway need the machine's own /proc: the kernel gives no new one. */
function withProc(mounts: readonly string[], isolatePid: boolean): string[] {
  if (isolatePid) return [...mounts];
  const index = mounts.indexOf("--proc");
  return [...mounts.slice(0, index), "--ro-bind", "/proc", "/proc", ...mounts.slice(index + 2)];
}
