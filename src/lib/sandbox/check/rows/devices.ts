import { closeSync, constants, openSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemCalls } from "../inside-tools.ts";
import { always } from "../promises.ts";
import { type Attempt, attempt, type Row } from "../row.ts";
import { text } from "../syscall-program.ts";

const concern = "kernel";
const AT_FDCWD = -100;

/** Devices, and what the kernel lets be set in /proc. */
export const DEVICES: readonly Row[] = [
  {
    id: "mknod",
    concern,
    tried: "making a device file of the first disk",
    guard: { always: "a user namespace of its own" },
    promised: always,
    attempt: ({ workspace }) => makeNode(join(workspace, ".disk"), 0o060600, 8 << 8),
    // A pipe is a node that anybody may make.
    control: ({ workspace }) => makeNode(join(workspace, ".pipe"), 0o010600, 0),
  },
  {
    id: "devices",
    concern,
    tried: "opening /dev/mem, disks, /dev/kmsg and every other device of the host",
    guard: { mounts: ["dev"] },
    promised: always,
    attempt: openDevices,
    control: "own",
  },
  {
    id: "sysctl",
    concern,
    tried: "opening settings below /proc/sys for writing (kernel.core_pattern runs a program as root)",
    guard: { bubblewrap: ["proc-sys", "caps", "userns"], mounts: ["dev"] },
    promised: always,
    attempt: () =>
      openAny([
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/hostname",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/vm/drop_caches",
      ]),
    control: "own",
  },
  {
    id: "sysctl-root",
    concern,
    tried: "the same as root without capabilities, who owns those files",
    guard: { bubblewrap: ["proc-sys"] },
    promised: ({ root }) => (root ? true : "only root owns them"),
    attempt: () => openAny(["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"]),
    control: "own",
  },
  {
    id: "proc-files",
    concern,
    tried: "opening other files of /proc for writing (sysrq-trigger, irq, mtrr, …)",
    guard: { always: "bubblewrap's own covers of /proc" },
    promised: always,
    attempt: () => openAny(filesOf("/proc", 3)),
    control: ({ workspace }) => openAny([join(workspace, "readable")]),
  },
];

function makeNode(path: string, mode: number, device: number): Attempt {
  return systemCalls("mknod", [[{ call: "mknodat", args: [AT_FDCWD, text(path), mode, device] }]]);
}

async function openAny(paths: readonly string[]): Promise<Attempt> {
  const reasons: string[] = [];
  for (const path of paths) {
    const one = await attempt(() => void closeSync(openSync(path, constants.O_WRONLY)));
    if (one.through) return { through: true, seen: `opened ${path}` };
    reasons.push(one.seen);
  }
  return { through: false, seen: `${paths.length} tried: ${[...new Set(reasons)].join(", ")}` };
}

/** Regular files below a directory that aren't a process's. */
function filesOf(directory: string, depth: number): string[] {
  let entries: string[] = [];
  try {
    entries = readdirSync(directory);
  } catch {
    return [];
  }
  return entries.flatMap((name) => {
    // Processes, what leads to one, what has a row of its own; and pressure/*, by which anybody may ask to be woken.
    if (directory === "/proc" && /^(\d+|self|thread-self|net|mounts|sys|pressure)$/.test(name)) return [];
    const path = join(directory, name);
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isDirectory) return depth > 1 ? filesOf(path, depth - 1) : [];
    return [path];
  });
}

/** What a sandbox has of its own in /dev, as bubblewrap makes it. */
const OWN_DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"];

async function openDevices(): Promise<Attempt> {
  const names = new Set([
    ...["mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "xvda", "fuse", "kvm", "net/tun", "uinput"],
    ...["loop-control", "vhost-vsock", "vsock", "dri/card0", "input/event0", "snapshot", "mapper/control"],
    ...readdirSync("/dev"),
  ]);
  const reasons: string[] = [];
  for (const name of names) {
    if (OWN_DEVICES.includes(name) || /^(std\w+|fd|core|pts|shm|log|initctl)$/.test(name)) continue;
    const path = join("/dev", name);
    // Neither waits for whoever is at the other end, nor becomes its terminal.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    const one = await attempt(() => {
      if (statSync(path).isDirectory()) throw new Error("a directory");
      closeSync(openSync(path, flags));
      return undefined;
    });
    if (one.through) return { through: true, seen: `opened ${path}` };
    reasons.push(one.seen);
  }
  return { through: false, seen: `${names.size} tried: ${[...new Set(reasons)].join(", ")}` };
}
