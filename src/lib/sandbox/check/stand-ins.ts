import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { SANDBOXED_SESSIONS } from "../../core/session-files/locate.ts";
import type { Inside, Outside } from "./row.ts";
import { SMALL_LIMITS } from "./settings.ts";
import { StandInServers } from "./stand-in-servers.ts";
import { startSleep } from "./start-sleep.ts";

/** A program with the setuid bit that ordinary systems have, and that waits for input. */
const SETUID_PROGRAMS = ["/usr/bin/su", "/bin/su", "/usr/bin/sudo", "/usr/bin/newgrp", "/usr/bin/passwd"];
/** "nobody" of every distribution: it only has to be another one than root. */
const NOBODY = 65_534;
/** The process to be signalled ends by itself if nobody ends it. */
const HOST_PROCESS_SECONDS = 60;

const NOBODY_LOOKED = { agentPlaces: [], reviewed: new Set<string>() };

export interface StandInPlaces {
  root: string;
  workspace: string;
  /** Where an agent would work, below the workspace. */
  home: string;
  agentDir: string;
  sessionDir: string;
  pictl: string;
}

export function placesBelow(root: string): StandInPlaces {
  const home = join(root, "home");
  const agentDir = join(home, ".pi/agent");
  return {
    root,
    workspace: join(root, "project"),
    home,
    agentDir,
    sessionDir: join(agentDir, SANDBOXED_SESSIONS, "--own--/1/files"),
    pictl: join(home, ".pictl"),
  };
}

/**
 * Everything that an attempt may reach for, made for it: a home with credentials, a project, another one's sessions, a
 * directory of pictl's, servers and a process. Nothing of the user's own is touched.
 */
export class StandIns {
  readonly places: StandInPlaces;
  readonly inside: Inside;
  readonly #servers: StandInServers;
  readonly #process: ChildProcess;

  private constructor(places: StandInPlaces, inside: Inside, servers: StandInServers, process: ChildProcess) {
    this.places = places;
    this.inside = inside;
    this.#servers = servers;
    this.#process = process;
  }

  /**
   * @param etc the real one, or `root`'s where attempts are to succeed
   * @param policyFiles copies of the real policy's
   */
  static async make(root: string, etc: string, policyFiles: readonly string[]): Promise<StandIns> {
    const secret = `pictl-check-${randomBytes(9).toString("hex")}`;
    const places = placesBelow(root);
    makeFiles(places, secret);
    const servers = new StandInServers();
    const sockets = {
      docker: join(places.workspace, "docker.sock"),
      bus: join(places.workspace, "bus"),
      daemon: join(places.pictl, "run/daemon.sock"),
      abstract: `\0${secret}`,
    };
    const ports = await servers.listen(sockets);
    const datagrams = join(places.workspace, "datagrams");
    await servers.listenForDatagrams(datagrams);
    // Command lines are seen where processes are, and hold no secret.
    const marker = `pictl-host-${randomBytes(9).toString("hex")}`;
    const child = startSleep(HOST_PROCESS_SECONDS, { argv0: marker, env: { PICTL_CHECK_KEY: secret } });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    const inside: Inside = {
      id: "",
      workspace: places.workspace,
      home: places.home,
      agentDir: places.agentDir,
      otherSessions: otherSessions(places.agentDir),
      outside: join(root, "outside"),
      etc,
      pictl: places.pictl,
      policyFiles,
      secret,
      hostProcess: { pid: child.pid ?? 0, marker },
      setuidProgram: setuidProgram(places.workspace),
      ports,
      sockets,
      datagrams,
      limits: SMALL_LIMITS,
      node: process.execPath,
      descriptors: "",
      ownCredentials: [],
    };
    return new StandIns(places, inside, servers, child);
  }

  /**
   * What is to be seen of it from outside, for one row.
   *
   * @param looked what pictl knows of the sandbox, from {@link lookAfterwards}
   */
  outside(
    id: string,
    { agentPlaces, reviewed }: Pick<Outside, "agentPlaces" | "reviewed"> = NOBODY_LOOKED,
  ): Outside {
    return {
      agentPlaces,
      reviewed,
      inside: { ...this.inside, id },
      received: this.#servers.received,
      isHostProcessAlive: () => this.#process.exitCode === null && this.#process.signalCode === null,
    };
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => this.#process.once("exit", resolve));
      this.#process.kill("SIGKILL");
      await ended;
    }
    await this.#servers.close();
  }
}

/** Files of sessions that aren't the agent's own. */
function otherSessions(agentDir: string): Inside["otherSessions"] {
  return {
    ofOtherProject: join(agentDir, "sessions/--other--/session.jsonl"),
    unsandboxed: join(agentDir, "sessions/--own--/session.jsonl"),
    sandboxed: join(agentDir, SANDBOXED_SESSIONS, "--own--/2/files/session.jsonl"),
  };
}

function makeFiles(
  { root, workspace, home, agentDir, sessionDir, pictl }: StandInPlaces,
  secret: string,
): void {
  const files: Record<string, string> = {
    [join(root, "notes")]: secret,
    [join(root, "outside/canary")]: "as it was\n",
    [join(root, "outside/to-link")]: "as it was\n",
    [join(root, "outside/renamed")]: "as it was\n",
    [join(root, "etc/hosts")]: "",
    [join(home, ".ssh/id_ed25519")]: secret,
    [join(home, ".aws/credentials")]: secret,
    [join(home, ".bashrc")]: "# as it was\n",
    [join(agentDir, "auth.json")]: secret,
    [join(agentDir, "settings.json")]: "{}\n",
    ...Object.fromEntries(Object.values(otherSessions(agentDir)).map((path) => [path, secret])),
    [join(sessionDir, "session.jsonl")]: "",
    [join(workspace, "readable")]: secret,
    [join(workspace, ".git/HEAD")]: "ref: refs/heads/main\n",
    [join(workspace, ".git/config")]: "[core]\n\tbare = false\n",
    [join(workspace, ".git/hooks/pre-commit")]: "#!/bin/sh\n",
    [join(pictl, "state/registry.db")]: secret,
    [join(pictl, "run/lock")]: "",
    [join(pictl, "data/history.db")]: secret,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
  }
  symlinkSync(join(home, ".ssh"), join(workspace, "link"));
  symlinkSync(join(home, ".ssh/id_ed25519"), join(home, "key"));
}

/** As root a program that belongs to somebody else; as anybody else one that belongs to root. */
function setuidProgram(workspace: string): string | undefined {
  if (process.getuid?.() !== 0) return SETUID_PROGRAMS.find((path) => existsSync(path));
  const sleep = ["/usr/bin/sleep", "/bin/sleep"].find((path) => existsSync(path));
  if (sleep === undefined) return undefined;
  const path = join(workspace, "setuid-program");
  try {
    copyFileSync(sleep, path);
    chownSync(path, NOBODY, NOBODY);
    chmodSync(path, 0o4755);
    return path;
  } catch {
    // A container in which root may not: there is nobody to become either.
    return undefined;
  }
}
