import { AGENT_EXIT_MS } from "../core/agent-exit-time.ts";
import { removeOldSandboxes } from "../sandbox/own-places.ts";
import { killGroup, signalProcess } from "./kill-group.ts";
import { type MarkedProcess, markedProcesses } from "./marked-processes.ts";

/** What a program gets to clean up after SIGTERM; a command that an agent has left is nobody's any more. */
const TERM_GRACE_MS = 1_000;
/** After SIGKILL the kernel takes a moment. Longer is a process in the kernel's hands: reported, not waited for. */
const KILL_GRACE_MS = 2_000;
/** Between two looks: each costs about 15 µs for each process of the machine. */
const LOOK_AGAIN_MS = 25;

/** What was found and ended, and what is still there: in the kernel's hands, or not ours to end. */
export interface EndedLeftovers {
  ended: number[];
  left: number[];
}

/**
 * Whether an agent has started something that runs on by itself, such as `npm start &` in a tool: it has the
 * agent's mark, and is no child of it any more. It must not lose its agent unasked, as it would end with it.
 *
 * @param agentPid of the agent as it runs; its own children are helpers that come and go with it
 * @returns false where it can't be told
 */
export function hasLeftovers(runtimeDir: string, agentId: string, agentPid: number): boolean {
  const marked = ofAgent(markedProcesses(runtimeDir), agentId);
  return marked.some((each) => !isOf(each, agentPid, marked));
}

/**
 * Ends all that an agent has left: SIGTERM, a bounded wait, SIGKILL. pi runs its tools in groups of their own,
 * which the end of pi's own group doesn't reach.
 *
 * @param keep pid of the agent, when it goes on with another session: it and its children stay
 */
export async function endLeftovers(
  runtimeDir: string,
  agentId: string,
  keep?: number,
): Promise<EndedLeftovers> {
  const belongs: Belongs = (each, all) =>
    each.agentId === agentId && (keep === undefined || !isOf(each, keep, all));
  return await endAll(runtimeDir, belongs, 0);
}

/**
 * Ends what a dead daemon of this place has left: its agents, who get a moment to end by themselves, and what
 * they have started. Must be over before another agent starts: two would write to one session's file.
 *
 * @param ownPid the daemon that runs
 * @param agentGraceMs how long an agent may take to exit by itself, as its stdin has ended
 * @returns undefined where it can't be told
 */
export async function endLeftoversOfDeadDaemons(
  runtimeDir: string,
  ownPid: number,
  agentGraceMs: number = AGENT_EXIT_MS,
): Promise<EndedLeftovers | undefined> {
  if (markedProcesses(runtimeDir) === undefined) return undefined;
  const ended = await endAll(runtimeDir, ({ daemonPid }) => daemonPid !== ownPid, agentGraceMs);
  removeOldSandboxes(runtimeDir);
  return ended;
}

/** Ends what any agent of this daemon has left, when the daemon itself goes. */
export async function endLeftoversOfDaemon(runtimeDir: string, daemonPid: number): Promise<EndedLeftovers> {
  return await endAll(runtimeDir, (each) => each.daemonPid === daemonPid, 0);
}

/** Whether a process is one to end; `all` are those that were found with it. */
type Belongs = (each: MarkedProcess, all: readonly MarkedProcess[]) => boolean;

function ofAgent(marked: MarkedProcess[] | undefined, agentId: string): MarkedProcess[] {
  return (marked ?? []).filter((each) => each.agentId === agentId);
}

/** The agent, what it has started and still holds, and the sandbox that it runs in. */
function isOf(each: MarkedProcess, agentPid: number, marked: readonly MarkedProcess[]): boolean {
  const agent = marked.find(({ pid }) => pid === agentPid);
  return (
    descendsFrom(each, agentPid, marked) || (agent !== undefined && descendsFrom(agent, each.pid, marked))
  );
}

function descendsFrom(each: MarkedProcess, ancestor: number, marked: readonly MarkedProcess[]): boolean {
  const byPid = new Map(marked.map((one) => [one.pid, one]));
  const seen = new Set<number>();
  for (let at: MarkedProcess | undefined = each; at !== undefined; at = byPid.get(at.parentPid)) {
    if (at.pid === ancestor || at.parentPid === ancestor) return true;
    if (seen.has(at.pid)) return false;
    seen.add(at.pid);
  }
  return false;
}

/** @param agentGraceMs how long an agent may take to end by itself */
async function endAll(runtimeDir: string, belongs: Belongs, agentGraceMs: number): Promise<EndedLeftovers> {
  const found = new Set<number>();
  let last: number[] = [];
  const find = (among?: number[]) => {
    const marked = markedProcesses(runtimeDir, among) ?? [];
    // A client in a tool may itself have started what runs here.
    return marked.filter((each) => each.pid !== process.pid && belongs(each, marked));
  };
  const look = () => {
    // All of the machine only when the known ones are gone: one may have started another before it ended.
    const known = last.length > 0 ? find(last) : [];
    const there = known.length > 0 ? known : find();
    last = there.map(({ pid }) => pid);
    for (const { pid } of there) found.add(pid);
    return there;
  };
  const gone = async (graceMs: number, act: (there: MarkedProcess[]) => boolean) => {
    const deadline = performance.now() + graceMs;
    for (;;) {
      const there = look();
      if (!act(there)) return true;
      if (performance.now() >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  };
  const told = new Set<number>();
  const terminate = (there: MarkedProcess[]) => {
    for (const { pid } of there) {
      if (told.has(pid)) continue;
      told.add(pid);
      signalProcess(pid, "SIGTERM");
    }
    return there.length > 0;
  };
  const kill = (there: MarkedProcess[]) => {
    for (const { pid, runByPi } of there) {
      signalProcess(pid, "SIGKILL");
      // What clears its environment in the agent's own group is reached only so.
      if (!runByPi) killGroup(pid, "SIGKILL");
    }
    return there.length > 0;
  };
  // An agent that lost its daemon exits by itself when its stdin ends, and ends the command of its running tool first.
  // What no agent answers for is ended when they are gone.
  if (agentGraceMs > 0) await gone(agentGraceMs, (there) => there.some(({ runByPi }) => !runByPi));
  if (!(await gone(TERM_GRACE_MS, terminate))) await gone(KILL_GRACE_MS, kill);
  const left = look().map(({ pid }) => pid);
  return { ended: [...found].filter((pid) => !left.includes(pid)), left };
}
