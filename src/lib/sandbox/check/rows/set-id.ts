import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { struct, systemCalls } from "../inside-tools.ts";
import { always, filtered } from "../promises.ts";
import type { Outside, Row } from "../row.ts";
import type { Steps } from "../steps.ts";
import { text } from "../syscall-program.ts";

const concern = "kernel";
const AT_FDCWD = -100;
const WRITE_ONLY = 1;
const CREATE = 0o100;
const TMPFILE = 0o20200000;
const AT_EMPTY_PATH = 0x1000;
const SET_ID = 0o6755;
const SET_ID_BITS = 0o6000;
/** A regular file, for mknod. */
const REGULAR = 0o100000;

/** The calls that set a mode, each with a file of its own in the current directory. */
export const SET_ID_CALLS = {
  open: (file) => [{ call: "open", args: [file, WRITE_ONLY | CREATE, SET_ID] }],
  creat: (file) => [{ call: "creat", args: [file, SET_ID] }],
  openat: (file) => [{ call: "openat", args: [AT_FDCWD, file, WRITE_ONLY | CREATE, SET_ID] }],
  openat2: (file) => [
    { call: "openat2", args: [AT_FDCWD, file, struct(WRITE_ONLY | CREATE, SET_ID, 0), 24] },
  ],
  mknod: (file) => [{ call: "mknod", args: [file, REGULAR | SET_ID, 0] }],
  mknodat: (file) => [{ call: "mknodat", args: [AT_FDCWD, file, REGULAR | SET_ID, 0] }],
  chmod: (file) => [...made(file), { call: "chmod", args: [file, SET_ID] }],
  fchmod: (file) => [...made(file), { call: "fchmod", args: [{ resultOf: 0 }, SET_ID] }],
  fchmodat: (file) => [...made(file), { call: "fchmodat", args: [AT_FDCWD, file, SET_ID] }],
  fchmodat2: (file) => [
    ...made(file),
    { call: "fchmodat2", args: [{ resultOf: 0 }, text(""), SET_ID, AT_EMPTY_PATH] },
  ],
  tmpfile: () => [{ call: "openat", args: [AT_FDCWD, text("."), TMPFILE | WRITE_ONLY, SET_ID] }],
} satisfies Record<string, (file: Buffer) => Steps>;

function made(file: Buffer): Steps {
  return [{ call: "openat", args: [AT_FDCWD, file, WRITE_ONLY | CREATE, 0o644] }];
}

/** The file that such a call makes, or gives the bits. */
export const setIdFile = (call: string) => `set-id-${call}`;

/** The setuid and setgid bits, and what comes to the same: outside they make an agent's program one of the user's. */
export const SET_ID_ROWS: readonly Row[] = [
  {
    id: "set-id",
    concern,
    tried: "setting the setuid and setgid bits of a file in the workspace, by every call that sets a mode",
    guard: { seccomp: ["modes"] },
    promised: filtered,
    attempt: () =>
      systemCalls(
        "set-id",
        Object.entries(SET_ID_CALLS).map(([name, steps]) => steps(text(setIdFile(name)))),
      ),
    cameThrough: (outside, { through }) =>
      through || Object.keys(SET_ID_CALLS).some((name) => hasSetId(outside, name)),
    control: "own",
  },
  {
    id: "file-capabilities",
    concern,
    tried: "giving a program of the workspace capabilities (setxattr security.capability)",
    guard: { bubblewrap: ["caps"] },
    promised: always,
    attempt: () => {
      const file = text(setIdFile("capability"));
      return systemCalls("setxattr", [
        [
          ...made(file),
          { call: "setxattr", args: [file, text("security.capability"), allCapabilities(), 20, 0] },
        ],
      ]);
    },
    control: "own",
    machineMayRefuse: "a file system without extended attributes",
  },
];

function hasSetId({ inside }: Outside, name: string): boolean {
  const path = join(inside.workspace, setIdFile(name));
  return existsSync(path) && (statSync(path).mode & SET_ID_BITS) !== 0;
}

/** struct vfs_cap_data, revision 2, effective (linux/capability.h). */
function allCapabilities(): Buffer {
  const data = Buffer.alloc(20);
  data.writeUInt32LE(0x0200_0001, 0);
  data.writeUInt32LE(0xffff_ffff, 4);
  return data;
}
