import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { always, unwritable } from "../promises.ts";
import { attempt, type Inside, type Row } from "../row.ts";

const concern = "writing";
/** What an attempt leaves where it got through. */
export const MARK = "pictl-sandbox-check-was-here";

/** Where git outside would write, and what it would delete. */
const GIT_LINKS = ["COMMIT_EDITMSG", "worktrees/link"];

const canary = ({ outside }: Inside) => join(outside, "canary");
const outsidePromise = unwritable(({ inside }) => inside.outside);
const isMarked = (path: string) => existsSync(path) && readFileSync(path, "utf8").includes(MARK);

/** A row whose attempt writes a mark, and whose proof is the mark outside. */
function markRow(
  row: Pick<Row, "id" | "tried" | "guard"> & {
    promised?: Row["promised"];
    write: (inside: Inside) => void;
    marked: (inside: Inside) => string | readonly string[];
  },
): Row {
  const { write, marked, promised = outsidePromise, ...rest } = row;
  return {
    ...rest,
    concern,
    promised,
    attempt: (inside) => attempt(() => void write(inside)),
    cameThrough: ({ inside }) => [marked(inside)].flat().some(isMarked),
    control: "shared",
  };
}

export const WRITING: readonly Row[] = [
  markRow({
    id: "write-path",
    tried: "writing a file outside of the workspace by its path",
    guard: { readOnly: true },
    write: (inside) => {
      mkdirSync(dirname(canary(inside)), { recursive: true });
      writeFileSync(join(inside.outside, "by-path"), MARK);
    },
    marked: (inside) => join(inside.outside, "by-path"),
  }),
  markRow({
    id: "write-link",
    tried: "writing it through a symbolic link in the workspace",
    guard: { readOnly: true },
    write: (inside) => {
      const link = join(inside.workspace, ".symlink");
      symlinkSync(join(inside.outside, "linked"), link);
      try {
        writeFileSync(link, MARK);
      } finally {
        unlinkSync(link);
      }
    },
    marked: (inside) => join(inside.outside, "linked"),
  }),
  markRow({
    id: "write-hard-link",
    tried: "writing it through a hard link into the workspace",
    guard: { readOnly: true },
    write: (inside) => {
      // From one mount to another the kernel makes no links: where both are one, it is beside the workspace.
      const made = firstThat(
        [inside.workspace, inside.outside].map((directory) => join(directory, ".hard-link")),
        (path) => linkSync(join(inside.outside, "to-link"), path),
      );
      appendFileSync(made, MARK);
      unlinkSync(made);
    },
    marked: (inside) => join(inside.outside, "to-link"),
  }),
  markRow({
    id: "write-rename",
    tried: "renaming a file of the workspace over one outside",
    guard: { readOnly: true },
    write: (inside) => {
      const made = firstThat(
        [inside.workspace, inside.outside].map((directory) => join(directory, ".to-rename")),
        (path) => {
          writeFileSync(path, MARK);
          renameSync(path, join(inside.outside, "renamed"));
        },
      );
      return void made;
    },
    marked: (inside) => join(inside.outside, "renamed"),
  }),
  markRow({
    id: "write-bashrc",
    tried: "adding a line to ~/.bashrc",
    guard: { readOnly: true },
    promised: unwritable(({ inside }) => join(inside.home, ".bashrc")),
    write: ({ home }) => appendFileSync(join(home, ".bashrc"), `# ${MARK}\n`),
    marked: ({ home }) => join(home, ".bashrc"),
  }),
  markRow({
    id: "write-etc",
    tried: "making a file in /etc",
    guard: { readOnly: true },
    promised: unwritable(() => "/etc"),
    write: ({ etc, secret }) => writeFileSync(join(etc, secret), MARK),
    marked: ({ etc, secret }) => join(etc, secret),
  }),
  markRow({
    id: "write-settings",
    tried: "changing pi's settings.json, which agents outside read too",
    guard: { readOnly: true },
    promised: unwritable(({ inside }) => inside.agentDir),
    write: ({ agentDir }) => appendFileSync(join(agentDir, "settings.json"), MARK),
    marked: ({ agentDir }) => join(agentDir, "settings.json"),
  }),
  markRow({
    id: "write-session",
    tried: "adding a line to another session of the same project, sandboxed or not",
    guard: { readOnly: true },
    promised: unwritable(({ inside }) => inside.agentDir),
    write: ({ otherSessions: { unsandboxed, sandboxed } }) => {
      const [first, second] = [unsandboxed, sandboxed].map((path) =>
        trying(() => appendFileSync(path, MARK)),
      );
      if (first !== undefined && second !== undefined) throw first;
    },
    marked: ({ otherSessions: { unsandboxed, sandboxed } }) => [unsandboxed, sandboxed],
  }),
  markRow({
    id: "git-hooks",
    tried: "adding and changing a hook in .git/hooks",
    guard: { mounts: ["protect"] },
    promised: always,
    write: ({ workspace }) => {
      const hooks = join(workspace, ".git/hooks");
      const first = trying(() => writeFileSync(join(hooks, "post-checkout"), MARK));
      const second = trying(() => appendFileSync(join(hooks, "pre-commit"), MARK));
      if (first !== undefined && second !== undefined) throw first;
    },
    marked: ({ workspace }) =>
      ["post-checkout", "pre-commit"].map((name) => join(workspace, ".git/hooks", name)),
  }),
  markRow({
    id: "git-config",
    tried: "changing .git/config",
    guard: { mounts: ["protect"] },
    promised: always,
    write: ({ workspace }) => appendFileSync(join(workspace, ".git/config"), `# ${MARK}\n`),
    marked: ({ workspace }) => join(workspace, ".git/config"),
  }),
  markRow({
    id: "git-common-dir",
    tried: "pointing git at another configuration by .git/commondir",
    guard: { mounts: ["protect"] },
    promised: always,
    write: ({ workspace }) => {
      const file = join(workspace, ".git/commondir");
      const first = trying(() => writeFileSync(file, `../${MARK}\n`));
      if (first === undefined) return;
      const other = join(workspace, ".git/made");
      writeFileSync(other, `../${MARK}\n`);
      try {
        renameSync(other, file);
      } catch (error) {
        unlinkSync(other);
        throw error;
      }
    },
    marked: ({ workspace }) => join(workspace, ".git/commondir"),
  }),
  markRow({
    id: "git-links",
    tried: "putting links where git outside would write or delete: .git/COMMIT_EDITMSG, .git/worktrees",
    guard: { mounts: ["protect"] },
    promised: always,
    write: ({ workspace }) => {
      const git = join(workspace, ".git");
      const target = join(git, "led-to");
      writeFileSync(target, MARK);
      trying(() => mkdirSync(join(git, "worktrees")));
      const [first, second] = GIT_LINKS.map((name) => trying(() => replaceByLink(join(git, name), target)));
      if (first !== undefined && second !== undefined) throw first;
    },
    marked: ({ workspace }) => GIT_LINKS.map((name) => join(workspace, ".git", name)),
  }),
  markRow({
    id: "git-rename",
    tried: "renaming .git away and making another with a hook",
    guard: { mounts: ["protect"] },
    promised: always,
    write: ({ workspace }) => {
      const git = join(workspace, ".git");
      renameSync(git, join(workspace, ".moved"));
      try {
        mkdirSync(join(git, "hooks"), { recursive: true });
        writeFileSync(join(git, "renamed"), MARK);
      } finally {
        // The rows after it need the stand-in.
        renameSync(git, join(workspace, ".other"));
        renameSync(join(workspace, ".moved"), git);
      }
    },
    marked: ({ workspace }) => join(workspace, ".other/renamed"),
  }),
  markRow({
    id: "policy-files",
    tried: "changing, replacing and removing the policy's files, and the directories that they are in",
    guard: { mounts: ["protect"], readOnly: true },
    promised: always,
    write: ({ policyFiles }) => {
      let refused: unknown;
      for (const file of policyFiles) {
        refused = trying(() => appendFileSync(file, `# ${MARK}\n`)) ?? refused;
        refused =
          trying(() => {
            renameSync(file, `${file}.away`);
            writeFileSync(file, `# ${MARK}\n`);
          }) ?? refused;
        refused =
          trying(() => {
            renameSync(dirname(file), `${dirname(file)}.away`);
            mkdirSync(dirname(file));
            writeFileSync(file, `# ${MARK}\n`);
          }) ?? refused;
      }
      if (refused !== undefined) throw refused;
    },
    marked: ({ policyFiles }) => policyFiles,
  }),
];

function replaceByLink(path: string, target: string): void {
  const link = `${target}.link`;
  symlinkSync(target, link);
  try {
    renameSync(link, path);
  } catch (error) {
    unlinkSync(link);
    throw error;
  }
}

/** What is thrown, or undefined. */
function trying(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

function firstThat(paths: readonly string[], act: (path: string) => void): string {
  let failure: unknown;
  for (const path of paths) {
    failure = trying(() => act(path));
    if (failure === undefined) return path;
  }
  throw failure;
}
