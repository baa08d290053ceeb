import { struct, systemCalls } from "../inside-tools.ts";
import { always } from "../promises.ts";
import type { Inside, Row } from "../row.ts";
import type { Steps } from "../steps.ts";
import { text } from "../syscall-program.ts";

const AT_FDCWD = -100;
const MS_REMOUNT_BIND = 0x20 | 0x1000;
/** nosuid, nodev and relatime, which may not be given up where others set them. */
const KEPT_FLAGS = 0x2 | 0x4 | 0x20_0000;
const MNT_DETACH = 2;
const NEW_USER = 0x1000_0000;
const SIGCHLD = 17;

/** Calls that a sandbox's filter refuses, and that are refused behind it too: tried with the filter and without. */
const CALLS: readonly {
  id: string;
  tried: string;
  lists: (inside: Inside) => Steps[];
  guard: Row["guard"];
}[] = [
  {
    id: "user-namespace",
    tried: "making a user namespace (unshare, clone, clone3), in which one is root again",
    guard: { bubblewrap: ["userns"] },
    lists: () => [
      [{ call: "unshare", args: [NEW_USER] }],
      [{ call: "clone", args: [NEW_USER | SIGCHLD, 0, 0, 0, 0] }],
      [{ call: "clone3", args: [struct(NEW_USER, 0, 0, 0, SIGCHLD), 88] }],
    ],
  },
  {
    id: "mount",
    tried: "mounting something",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: () => [
      [{ call: "mount", args: [text("none"), text("/var/tmp"), text("tmpfs"), 0, 0] }],
      [{ call: "fsopen", args: [text("tmpfs"), 0] }],
      [{ call: "open_tree", args: [AT_FDCWD, text("/"), 1] }],
      [{ call: "open_tree_attr", args: [AT_FDCWD, text("/"), 1, struct(), 32] }],
    ],
  },
  {
    id: "umount",
    tried: "unmounting what covers something",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: () => [[{ call: "umount2", args: [text("/var/tmp"), MNT_DETACH] }]],
  },
  {
    id: "remount",
    tried: "mounting read-only places writable again",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: ({ node }) => [[{ call: "mount", args: [0, text(node), 0, MS_REMOUNT_BIND | KEPT_FLAGS, 0] }]],
  },
  {
    id: "chroot",
    tried: "chroot and pivot_root",
    guard: { bubblewrap: ["caps", "userns"], mounts: ["dev"] },
    lists: ({ workspace }) => [
      [{ call: "chroot", args: [text(workspace)] }],
      [{ call: "pivot_root", args: [text("."), text(".")] }],
    ],
  },
];

function twoWalls({ id, tried, lists, guard }: (typeof CALLS)[number]): Row[] {
  const row = {
    concern: "kernel",
    attempt: (inside: Inside) => systemCalls(id, lists(inside)),
    control: "own",
  } as const;
  return [
    {
      ...row,
      id,
      tried,
      guard: { ...guard, seccomp: ["calls", "namespaces"] },
      promised: always,
    },
    {
      ...row,
      id: `${id}-unfiltered`,
      tried: `${tried}, with no seccomp filter`,
      setting: "no-filter",
      guard,
      promised: always,
    },
  ];
}

export const TWO_WALLS: readonly Row[] = CALLS.flatMap(twoWalls);
