import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { PiCommand } from "../../../src/lib/agent/pi/pi-command.ts";
import { AgentSandboxes, withProgram } from "../../../src/lib/agent/sandbox/agent-sandboxes.ts";
import { PictlError } from "../../../src/lib/core/errors.ts";
import { agentPlaces, noteAgentPlaces } from "../../../src/lib/core/outside/agent-places.ts";
import type { Environment } from "../../../src/lib/core/paths.ts";
import { realPath } from "../../../src/lib/core/real-path.ts";
import { openSandbox } from "../../../src/lib/sandbox/open-sandbox.ts";
import { runDirectory } from "../../../src/lib/sandbox/own-places.ts";
import { planSandbox, writablePlaces } from "../../../src/lib/sandbox/plan.ts";
import { type Action, exchange, pathOf, shellLine } from "./actions.ts";
import { DENIED, type Place } from "./place.ts";

/** How something is started in a sandbox, and under which policy. */
export interface Start {
  /** Of pi's, with its sessions and models, or as `sandbox run` does. */
  as: "agent" | "command";
  profile: "minimal" | "development" | "strict";
  cwd: "." | "sub";
  /** What the user's policy names beside what is always denied: keys and places below the workspace, or whole ones. */
  names: Partial<Record<"allow_read" | "allow_write" | "deny_read", string[]>>;
  /** Words of the command line of which some are files. */
  words: string[];
  /** What another agent does while the sandbox is made. */
  meanwhile: Action[];
}

/** None has a canary. */
const place = fc.constantFrom(
  "vendor/data",
  "vendor",
  "sub/inner",
  "out",
  "prompts",
  "m1/x",
  "HOME/tools",
  "CACHE/data",
);
const places = fc.uniqueArray(place, { minLength: 1, maxLength: 2 });

export function startOf(
  as: readonly Start["as"][],
  profiles: readonly Start["profile"][],
): fc.Arbitrary<Start> {
  const plain = fc.record({
    as: fc.constantFrom(...as),
    profile: fc.constantFrom(...profiles),
    cwd: fc.constantFrom(".", ".", "sub"),
    names: fc.oneof(
      { weight: 2, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.record({ allow_read: places }) },
      { weight: 1, arbitrary: fc.record({ allow_write: places }) },
      { weight: 1, arbitrary: fc.record({ deny_read: places }) },
    ),
    words: fc.constantFrom<string[]>(
      [],
      ["--skill", "./prompts/skill.md"],
      ["-e", "./vendor/data/table"],
      ["--prompt-template=./sub/inner/x.md"],
    ),
    meanwhile: fc.constant<Action[]>([]),
  });
  // What is named is exchanged.
  const exchanged = fc.tuple(plain, exchange).map(([start, one]) => ({
    ...start,
    names: { allow_read: ["CACHE/data"] },
    words: ["--skill", "./prompts/skill.md"],
    meanwhile: [one],
  }));
  return fc.oneof({ weight: 7, arbitrary: plain }, { weight: 1, arbitrary: exchanged });
}

/** What a script says last. */
export const END = "the end\n";
const MAX_OUTPUT = 2 ** 20;

/** What came of a start. */
export interface Started {
  /** Undefined when it was refused, or not even tried. */
  output: string | undefined;
  refused: PictlError | undefined;
}

/** In the place of pi, of which only the start matters here. */
const SHELL: PiCommand = {
  argv: ["/bin/sh"],
  path: "/bin/sh",
  version: "0.87.1",
  source: "PICTL_PI",
  reason: "",
};

/** Starts what an agent, or a command, is started as, with a script of a shell in its place. */
export class Starter {
  readonly #place: Place;
  readonly #sandboxes: AgentSandboxes;

  /** @param extension any file */
  constructor(place: Place, extension: string) {
    this.#place = place;
    this.#sandboxes = new AgentSandboxes(place.paths, extension, 1);
    // In which the other agent works, too.
    noteAgentPlaces(place.paths.agentPlaces, [place.cache]);
  }

  /** Runs a script inside. @throws what no start may throw: anything but a PictlError that a user is shown */
  async run(one: Start, together: boolean, script: string): Promise<Started> {
    const place = this.#place;
    this.#writePolicy(one);
    const environment = together
      ? { ...place.env, PI_CODING_AGENT_SESSION_DIR: place.sharedSessionDir }
      : place.env;
    const cwd = join(place.workspace, one.cwd);
    // A shell that has gone through a link is elsewhere, and its user knows where.
    if (one.as === "command" && realPath(cwd) !== cwd) return { output: undefined, refused: undefined };
    place.meanwhile(this.#meanwhile(one));
    try {
      const opened =
        one.as === "command"
          ? await this.#openCommand(cwd, environment)
          : await this.#openAgent(cwd, environment, one.words);
      try {
        const child = opened.spawn(["/bin/sh", "-c", script], cwd);
        return await outputOf(child, (stderr) => opened.failure(stderr));
      } finally {
        await opened.close();
      }
    } catch (error) {
      if (error instanceof PictlError && error.code !== "INTERNAL")
        return { output: undefined, refused: error };
      throw error;
    } finally {
      place.meanwhile("");
    }
  }

  /** The other agent runs outside here, where a link would lead it to what it can't reach. */
  #meanwhile({ meanwhile }: Start): string {
    const isInPlace = (path: string) => realPath(dirname(path)) === dirname(path);
    const possible = meanwhile.filter((one) => "at" in one && isInPlace(pathOf(one.at, this.#place)));
    return possible.map((one) => `{ ${shellLine(one, this.#place)}; } 2>/dev/null\n`).join("");
  }

  async #openCommand(cwd: string, environment: Environment) {
    const { paths, agentDir } = this.#place;
    const plan = await planSandbox({ always: true, cwd, environment, paths, agentDir });
    noteAgentPlaces(paths.agentPlaces, writablePlaces(plan));
    const runtimeDir = runDirectory(paths.runtimeDir);
    const sandbox = await openSandbox(plan, {
      environment,
      agentPlaces: agentPlaces(paths.agentPlaces),
      runtimeDir,
      onLog: () => undefined,
    });
    return {
      spawn: (command: string[], at: string) => sandbox.spawn(command, at, ["pipe", "pipe", "pipe"]),
      failure: (stderr: string) => sandbox.failure(stderr),
      close: async () => await sandbox.close(),
    };
  }

  async #openAgent(cwd: string, environment: Environment, words: readonly string[]) {
    const { agentDir } = this.#place;
    const planned = await this.#sandboxes.plan(
      { sandbox: "minimal" },
      {
        cwd,
        agentDir,
        sessionDir: this.#place.sessionDir,
        promised: undefined,
      },
      environment,
    );
    if (planned === undefined) throw new Error("no sandbox was planned");
    const plan = withProgram(planned, SHELL.argv, words);
    noteAgentPlaces(this.#place.paths.agentPlaces, writablePlaces(plan));
    const sandbox = await this.#sandboxes.open(plan, SHELL, { environment, marks: {}, model: undefined });
    return {
      spawn: (command: string[], at: string) => sandbox.spawn(command, at, undefined),
      failure: (stderr: string) => sandbox.startFailure(stderr),
      close: async () => await sandbox.close(),
    };
  }

  #writePolicy({ profile, names }: Start): void {
    const place = this.#place;
    const all = { ...names, deny_read: [...DENIED, ...(names.deny_read ?? [])] };
    const lines = Object.entries(all).map(
      ([key, list]) => `${key} = ${JSON.stringify(list.map((each) => pathOf(each, place)))}`,
    );
    const text = ["enabled = true", `profile = "${profile}"`, 'network = "none"', ...lines, ""].join("\n");
    writeFileSync(join(place.paths.configDir, "sandbox.toml"), text);
  }
}

async function outputOf(
  child: ChildProcess,
  failure: (stderr: string) => PictlError | undefined,
): Promise<Started> {
  const chunks = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("latin1").on("data", (chunk: string) => {
      if (chunks[name].length < MAX_OUTPUT) chunks[name] += chunk;
    });
  child.stdin?.on("error", () => undefined).end();
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const { stdout, stderr } = chunks;
  if (stdout.endsWith(END)) return { output: `${stdout}${stderr}`, refused: undefined };
  const refused = failure(stderr);
  if (refused === undefined)
    throw new Error(`the script did not come to its end (${code ?? signal}): ${stdout}${stderr}`);
  return { output: undefined, refused };
}
