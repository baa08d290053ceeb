import type { Agent } from "../agent/agent.ts";
import type { SessionAgent } from "./session-agent.ts";

export interface ParkingHooks {
  agent: SessionAgent;
  /** Idle time after which an agent is let go of (ms); 0: never. */
  afterMs: number;
  /** Whether letting go of the agent now would interrupt nothing and lose nothing. */
  canPark: () => boolean;
  /** Takes the agent that the session has let go of. */
  parked: (agent: Agent) => void;
}

/** When an idle session lets go of its agent. */
export class Parking {
  readonly #hooks: ParkingHooks;
  #timer: NodeJS.Timeout | undefined;

  constructor(hooks: ParkingHooks) {
    this.#hooks = hooks;
  }

  /** Counts the idle time from now on. */
  schedule(): void {
    this.cancel();
    const { afterMs } = this.#hooks;
    if (afterMs <= 0) return;
    this.#timer = setTimeout(() => {
      if (!this.park() && this.#hooks.agent.live !== undefined) this.schedule();
    }, afterMs);
    this.#timer.unref();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  /** @returns false when the session can't be parked now */
  park(): boolean {
    return this.#hooks.canPark() && this.letGo();
  }

  /** @returns false when the agent is still needed: a command that it has left running would end with it */
  letGo(): boolean {
    const agent = this.#hooks.agent.live;
    if (agent === undefined) return false;
    if (agent.hasLeftovers()) return false;
    this.#hooks.agent.leave();
    this.#hooks.parked(agent);
    return true;
  }
}
