import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import type { Environment } from "../core/paths.ts";
import { AGENT_OF, RUN_BY_PI } from "./marked-processes.ts";

/** The kernel's unit in /proc/<pid>/stat. It is 100 on every architecture that Node runs on (proc_pid_stat(5)). */
const TICKS_PER_SECOND = 100;
/** pi gives itself this name when it starts (its cli/setup.js and rpc-entry.js); the kernel shows it as `comm`. */
const TITLES = new Set(["pi", "pi-rpc"]);
/** A pi that is only starting still shows its command line. */
const PI_CLI = /\/pi-coding-agent\/.*\b(cli|rpc-entry)(-runtime)?\.js$/;

/** A pi that no pictl has started. */
export interface OtherPi {
  pid: number;
  /** Where it was started; pi doesn't change it. */
  cwd: string;
  /** Unix time in ms, to about a second. */
  startedAt: number;
  /** A tool of an agent has started it. */
  isOfAgent: boolean;
  /** Of its start. */
  env: Environment;
  /** Its arguments, as far as its command line, or that of the shell or the runner that started it, still shows them. */
  words: string[];
}

/**
 * The running pi processes that aren't agents of a pictl: terminal interfaces, `pi -p`, other programs' pis, also
 * one that an agent's tool has started. Of other users' processes only root sees more than the name.
 *
 * @returns undefined where other processes can't be looked at (only Linux shows them)
 */
export function findOtherPis(): OtherPi[] | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const bootedAt = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]) * 1000;
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => otherPi(Number(name), bootedAt) ?? []);
  } catch {
    // No /proc in this container.
    return undefined;
  }
}

/** Whether a process has the file open at this moment. pi itself opens it for each write only. */
export function hasOpen(pid: number, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}

function otherPi(pid: number, bootedAt: number): OtherPi | undefined {
  try {
    if (pid === process.pid || !isPi(pid)) return undefined;
    const env = environmentOf(pid);
    const isOfAgent = AGENT_OF in env;
    // Agents are kept apart by locks. A pi that an agent's tool has started carries the mark too, and isn't one.
    if (isOfAgent && !(RUN_BY_PI in env)) return undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // After the name, which may itself hold spaces and brackets, come the state (field 3), …, the start (field 22).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return undefined;
    const startedAt = bootedAt + (Number(fields[19]) / TICKS_PER_SECOND) * 1000;
    const words = [pid, Number(fields[1])].flatMap(argumentsOf);
    return { pid, cwd: readlinkSync(`/proc/${pid}/cwd`), startedAt, isOfAgent, env, words };
  } catch {
    // It ended meanwhile, or is another user's.
    return undefined;
  }
}

function isPi(pid: number): boolean {
  if (TITLES.has(readFileSync(`/proc/${pid}/comm`, "utf8").trim())) return true;
  const [program = "", script = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  if (basename(program) === "pi") return true;
  return basename(program).startsWith("node") && (basename(script) === "pi" || PI_CLI.test(script));
}

function environmentOf(pid: number): Environment {
  const entries = readFileSync(`/proc/${pid}/environ`, "utf8")
    .split("\0")
    .filter((entry) => entry.includes("="));
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

/** What follows `pi`. pi writes its title over its own arguments; `sh -c` and npm show them in one word. */
function argumentsOf(pid: number): string[] {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8")
      .split(/[\0\s]+/)
      .filter((word) => word !== "");
    const command = words.findIndex(isPiCommand);
    return command === -1 ? [] : words.slice(command + 1);
  } catch {
    // It has ended, or is another user's.
    return [];
  }
}

function isPiCommand(word: string): boolean {
  return basename(word) === "pi" || PI_CLI.test(word);
}
