import { readdirSync, readFileSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { always, unreadable } from "../promises.ts";
import { attempt, type Inside, type Row, readSecret, reasonOf } from "../row.ts";

const concern = "reading";
const read = (path: (inside: Inside) => string) => (inside: Inside) =>
  attempt(() => readFileSync(path(inside), "utf8"));

/** A row that is over as soon as the stand-in's secret is read. */
function secretRow(id: string, tried: string, path: (inside: Inside) => string, guard: Row["guard"]): Row {
  return {
    id,
    concern,
    tried,
    guard,
    promised: unreadable(({ inside }) => path(inside)),
    attempt: read(path),
    cameThrough: readSecret,
    control: "shared",
  };
}

export const READING: readonly Row[] = [
  secretRow("read-ssh", "reading ~/.ssh/id_ed25519", ({ home }) => join(home, ".ssh/id_ed25519"), {
    mounts: ["deny"],
  }),
  secretRow("read-aws", "reading ~/.aws/credentials", ({ home }) => join(home, ".aws/credentials"), {
    mounts: ["deny"],
  }),
  {
    id: "read-link",
    concern,
    tried: "reading ~/.ssh by links: one in the workspace, one in the home, one made inside",
    guard: { mounts: ["deny"] },
    promised: unreadable(({ inside }) => join(inside.home, ".ssh")),
    attempt: async (inside) => {
      const made = join(inside.workspace, ".made-link");
      const reasons: string[] = [];
      for (const path of [join(inside.workspace, "link"), join(inside.home, "key"), made]) {
        try {
          if (path === made) symlinkSync(join(inside.home, ".ssh"), made);
          const file = path.endsWith("key") ? path : join(path, "id_ed25519");
          return { through: true, seen: `read by ${path}`, data: readFileSync(file, "utf8") };
        } catch (error) {
          reasons.push(reasonOf(error));
        } finally {
          if (path === made) await attempt(() => void unlinkSync(made));
        }
      }
      return { through: false, seen: reasons.join(", ") };
    },
    cameThrough: readSecret,
    control: "shared",
  },
  {
    id: "read-proc-root",
    concern,
    tried: "reading the host's files by /proc/PID/root and /proc/PID/cwd of every process",
    guard: { always: "a user namespace of its own" },
    promised: unreadable(({ inside }) => join(inside.home, ".ssh")),
    attempt: (inside) => throughProc(join(inside.home, ".ssh/id_ed25519")),
    cameThrough: readSecret,
    // Its own root leads to what it may read anyway.
    control: (inside) => throughProc(join(inside.workspace, "readable")),
  },
  secretRow(
    "read-parent",
    "reading beside the workspace",
    ({ workspace }) => join(dirname(workspace), "notes"),
    {
      readOnly: true,
    },
  ),
  secretRow(
    "read-other-session",
    "reading a session of another project",
    ({ otherSessions }) => otherSessions.ofOtherProject,
    {
      mounts: ["agent-dir"],
    },
  ),
  secretRow(
    "read-sandboxed-session",
    "reading another sandboxed session of the same project",
    ({ otherSessions }) => otherSessions.sandboxed,
    { mounts: ["agent-dir"] },
  ),
  secretRow("read-auth", "reading pi's auth.json", ({ agentDir }) => join(agentDir, "auth.json"), {
    mounts: ["agent-dir"],
  }),
  secretRow(
    "read-pictl",
    "reading pictl's own registry of sessions",
    ({ pictl }) => join(pictl, "state/registry.db"),
    { mounts: ["deny"] },
  ),
  {
    id: "read-passwords",
    concern,
    tried: "reading the machine's passwords: /etc/shadow, /etc/gshadow, /etc/sudoers",
    guard: { mounts: ["never", "deny"] },
    promised: ({ root }) => (root ? true : "only root could read them"),
    attempt: () => openFirst(["/etc/shadow", "/etc/gshadow", "/etc/sudoers"]),
    control: "shared",
  },
  {
    id: "read-sys",
    concern,
    tried: "looking into /sys, /run and /boot",
    guard: { mounts: ["never"] },
    promised: always,
    attempt: () => listFirst(["/sys", "/run", "/boot"]),
    control: "shared",
  },
  {
    id: "read-own-credentials",
    concern,
    tried: "opening each of your own credentials that exist (nothing of them is kept or shown)",
    setting: "own-home",
    guard: { mounts: ["deny"] },
    promised: ({ inside }) => (inside.ownCredentials.length > 0 ? true : "none of them exists here"),
    attempt: ({ ownCredentials }) => readable(ownCredentials),
    control: ({ node }) => readable([node]),
  },
];

function throughProc(path: string) {
  const tried: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const link of ["root", "cwd"]) {
      try {
        const base = `/proc/${pid}/${link}`;
        const from = readlinkSync(base);
        const target =
          link === "root" || !path.startsWith(`${from}/`)
            ? `${base}${path}`
            : join(base, path.slice(from.length));
        return { through: true, seen: `read by ${base}`, data: readFileSync(target, "utf8") };
      } catch (error) {
        tried.push(reasonOf(error));
      }
    }
  }
  return { through: false, seen: `${tried.length} tried: ${[...new Set(tried)].join(", ")}` };
}

async function openFirst(paths: readonly string[]) {
  const reasons: string[] = [];
  for (const path of paths) {
    // What is covered reads as empty.
    const one = await attempt(() =>
      readFileSync(path).length > 0 ? path : Promise.reject(new Error("empty")),
    );
    if (one.through) return { through: true, seen: `read ${path}` };
    reasons.push(one.seen);
  }
  return { through: false, seen: [...new Set(reasons)].join(", ") };
}

async function listFirst(paths: readonly string[]) {
  const reasons: string[] = [];
  for (const path of paths) {
    const one = await attempt(() => (readdirSync(path).length > 0 ? "" : Promise.reject(new Error("empty"))));
    if (one.through) return { through: true, seen: `listed ${path}` };
    reasons.push(one.seen);
  }
  return { through: false, seen: [...new Set(reasons)].join(", ") };
}

/** Names only: contents of real credentials go nowhere. */
async function readable(paths: readonly string[]) {
  const open: string[] = [];
  for (const path of paths) {
    const { through } = await attempt(() => {
      const isDirectory = statIsDirectory(path);
      const size = isDirectory ? readdirSync(path).length : readFileSync(path).length;
      return size > 0 ? "" : Promise.reject(new Error("empty"));
    });
    if (through) open.push(path);
  }
  return open.length > 0
    ? { through: true, seen: `opened ${open.join(", ")}` }
    : { through: false, seen: `none of ${paths.length} opened` };
}

function statIsDirectory(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch (error) {
    if (reasonOf(error) === "ENOTDIR") return false;
    throw error;
  }
}
