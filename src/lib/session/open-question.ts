import type { Agent } from "../agent/agent.ts";
import type { AgentRecord } from "../agent/rpc-channel.ts";
import { PictlError } from "../core/errors.ts";

/** The methods of `extension_ui_request` that wait for an answer (pi's rpc-extension-ui.md). */
const DIALOGS = new Set(["select", "confirm", "input", "editor"]);

/** A dialog of an extension: it holds its agent up until it is answered. */
export interface Dialog {
  id: string;
  method: string;
  /** What is asked, for a person. */
  title: string;
  options: unknown[] | undefined;
  /** After this many milliseconds pi answers it by itself. */
  timeoutMs: number | undefined;
}

/** The dialog that a record opens, or undefined for one that asks nothing (notify, status, widgets). */
export function dialogOf(record: AgentRecord): Dialog | undefined {
  const { id, method, title, message, options, timeout } = record;
  if (typeof id !== "string" || typeof method !== "string" || !DIALOGS.has(method)) return undefined;
  return {
    id,
    method,
    title: String(title ?? message ?? method),
    options: Array.isArray(options) ? options : undefined,
    timeoutMs: typeof timeout === "number" ? timeout : undefined,
  };
}

/** Why a turn ended that asked something where nobody may answer. */
export function unansweredError({ method, title, options }: Dialog): PictlError {
  return new PictlError("QUESTION_UNANSWERED", `The agent asked "${title}" and nobody may answer here.`, {
    hint: "Use --on-question wait and answer it with an `extension_ui_response`, or configure the extension not to ask.",
    details: { method, title, ...(options === undefined ? {} : { options }) },
  });
}

/** The dialog of a session that waits for somebody's answer. */
export class OpenQuestion {
  readonly #changed: () => void;
  #open: { id: string; timer: NodeJS.Timeout | undefined } | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  ask({ id, timeoutMs }: Dialog): void {
    this.close();
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.close(), timeoutMs);
    this.#open = { id, timer };
    this.#changed();
  }

  /**
   * Hands an `extension_ui_response` to the agent.
   *
   * @throws PictlError ENTRY_NOT_FOUND when this isn't the open question
   */
  answer(response: { type: string; [field: string]: unknown }, agent: Agent | undefined): void {
    if (agent === undefined || this.#open === undefined || response.id !== this.#open.id) {
      throw new PictlError("ENTRY_NOT_FOUND", `There is no open question ${String(response.id)}.`, {
        hint: "It may have been answered from another terminal, or its turn has ended.",
      });
    }
    agent.notify(response);
    this.close();
  }

  close(): void {
    if (this.#open === undefined) return;
    clearTimeout(this.#open.timer);
    this.#open = undefined;
    this.#changed();
  }
}
