import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { searchProgram } from "../../../core/outside/find-program.ts";
import { realPath } from "../../../core/real-path.ts";
import { unplantedRealPath } from "../../planted-links.ts";
import { always } from "../promises.ts";
import { attempt, type Inside, type Row } from "../row.ts";

const concern = "left behind";
/** Directories that are on PATH while somebody works in a project. */
const ON_PATH = [".venv/bin", "node_modules/.bin"];
const PROGRAM = "pi";
/** What git, shells and editors outside run or obey. */
const RUNS_LATER = [".envrc", ".git/info/attributes", ".vscode/tasks.json", "package.json"];

const planted = ({ workspace }: Inside) => join(workspace, "planted");

/** What the sandbox may do, and something outside must not fall for. */
export const LEFT_BEHIND: readonly Row[] = [
  {
    id: "planted-program",
    concern,
    tried: `planting a program that pictl would run outside: ${PROGRAM} in ${ON_PATH.join(" and ")}, on PATH`,
    guard: { afterwards: true },
    promised: always,
    attempt: ({ workspace }) =>
      attempt(() => {
        for (const name of ON_PATH) write(join(workspace, name, PROGRAM), "#!/bin/sh\n");
        return undefined;
      }),
    cameThrough: ({ inside, agentPlaces }) => {
      const PATH = ON_PATH.map((name) => join(inside.workspace, name)).join(":");
      return searchProgram(PROGRAM, { PATH }, agentPlaces).path !== undefined;
    },
    control: "outside",
  },
  {
    id: "planted-link",
    concern,
    tried: "putting a link to ~/.ssh in the place of a directory that the next sandbox opens",
    guard: { afterwards: true },
    promised: always,
    attempt: (inside) => attempt(() => void symlinkSync(join(inside.home, ".ssh"), planted(inside))),
    cameThrough: ({ inside, agentPlaces }) => {
      try {
        return unplantedRealPath(agentPlaces)(planted(inside)) === realPath(join(inside.home, ".ssh"));
      } catch {
        // SANDBOX_CHANGED: no sandbox is made.
        return false;
      }
    },
    control: "outside",
  },
  {
    id: "unseen-change",
    concern,
    tried: `changing what runs later outside without \`sandbox review\` showing it: ${RUNS_LATER.join(", ")}`,
    guard: { afterwards: true },
    promised: always,
    attempt: ({ workspace }) =>
      attempt(() => {
        for (const name of RUNS_LATER) write(join(workspace, name), "{}\n");
        return undefined;
      }),
    cameThrough: ({ inside, reviewed }) =>
      RUNS_LATER.map((name) => join(inside.workspace, name)).some(
        (path) => existsSync(path) && !reviewed.has(path),
      ),
    control: "outside",
  },
];

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
}
