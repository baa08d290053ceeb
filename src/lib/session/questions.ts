import type { AgentRecord } from "../agent/rpc-channel.ts";
import { PictlError } from "../core/errors.ts";
import type { Answer, Question, QuestionState } from "../protocol/question.ts";
import type { QuestionPolicy } from "../protocol/question-policies.ts";

/** The methods of `extension_ui_request` that wait for an answer (pi's rpc-extension-ui.md). */
const DIALOGS = new Set(["select", "confirm", "input", "editor"]);
/** As the configuration's default. */
const LIFETIME_MS = 24 * 60 * 60 * 1_000;

/** What is running when a question comes, and so says what becomes of it. */
export interface Asker {
  readonly onQuestion: QuestionPolicy;
  /** What to do when nobody may answer; absent: what `pictl prompt` can do. */
  readonly hint?: string;
  /** Ends it, because it asked where nobody may answer. */
  fail(error: PictlError): void;
}

/** Sends a record to the agent that asks. */
type Reply = (record: { type: string; [field: string]: unknown }) => void;

/** The question that a record asks, or undefined for one that asks nothing (notify, status, widgets). */
export function questionOf(
  record: AgentRecord,
): { question: Question; timeoutMs: number | undefined } | undefined {
  const { id, method, title, message, options, placeholder, prefill, timeout } = record;
  if (typeof id !== "string" || typeof method !== "string" || !DIALOGS.has(method)) return undefined;
  const timeoutMs = typeof timeout === "number" ? timeout : undefined;
  const question: Question = {
    id,
    method: method as Question["method"],
    title: String(title ?? message ?? method),
    ...(typeof message === "string" && title !== undefined ? { message } : {}),
    ...(Array.isArray(options) ? { options: options.map(String) } : {}),
    ...(typeof placeholder === "string" ? { placeholder } : {}),
    ...(typeof prefill === "string" ? { prefill } : {}),
  };
  return { question, timeoutMs };
}

const PROMPT_HINT =
  "Decide with --on-question deny or default, or use --on-question wait and answer it with `pictl session respond`.";

/** Why something ended that asked where nobody may answer. */
export function unansweredError({ method, title, options }: Question, hint = PROMPT_HINT): PictlError {
  return new PictlError("QUESTION_UNANSWERED", `The agent asked "${title}" and nobody may answer here.`, {
    hint,
    details: { method, title, ...(options === undefined ? {} : { options }) },
  });
}

/** Why an agent did not start whose extension asks before it listens (`session_start`): pi then ends by itself. */
export function askedAtStartError({ method, title }: Question, cause: unknown): PictlError {
  return new PictlError(
    "QUESTION_UNANSWERED",
    `An extension asked "${title}" while pi started, when nobody can answer.`,
    {
      hint: "Give that dialog a `timeout` in the extension, or start the session without it.",
      details: { method, title },
      cause,
    },
  );
}

/**
 * What the question offers by itself: that which Enter answers in pi's own terminal interface. Its first
 * option, yes, an empty line, or the text as it was given.
 */
function defaultAnswer({ method, options, prefill }: Question): Answer {
  switch (method) {
    case "confirm":
      return { confirmed: true };
    case "select":
      return options?.[0] === undefined ? { cancelled: true } : { value: options[0] };
    case "input":
      return { value: "" };
    case "editor":
      return { value: prefill ?? "" };
  }
}

/** No person answers that many; each more is declined, or an agent could fill the daemon with them. */
const MAX_OPEN = 100;

interface OpenQuestion {
  question: Question;
  reply: Reply;
  timer: NodeJS.Timeout;
}

/** The questions of a session: those that the policy answers, and those that wait for a person. */
export class Questions {
  readonly #told: (state: QuestionState, question: Question) => void;
  readonly #lifetimeMs: number;
  readonly #open = new Map<string, OpenQuestion>();

  /**
   * @param told is called after each change: a question was opened, answered, cancelled, or has expired
   * @param lifetimeMs of a question that brings no time of its own
   */
  constructor(told: (state: QuestionState, question: Question) => void, lifetimeMs: number = LIFETIME_MS) {
    this.#told = told;
    this.#lifetimeMs = lifetimeMs;
  }

  /** Those that wait, the oldest first. */
  list(): Question[] {
    return [...this.#open.values()].map(({ question }) => question);
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Opens a question, or lets the policy of who asks answer it. Without an asker it is declined. */
  ask(record: AgentRecord, asker: Asker | undefined, reply: Reply): void {
    const asked = questionOf(record);
    if (asked === undefined) return;
    const { question, timeoutMs } = asked;
    switch (asker?.onQuestion) {
      case "wait":
        if (this.#open.size < MAX_OPEN) this.#wait(question, timeoutMs, reply);
        else this.#settle(question, { cancelled: true }, reply);
        return;
      case "default":
        this.#settle(question, defaultAnswer(question), reply);
        return;
      case "fail":
        // Its end goes to the agent before the answer, with which it would go on.
        asker.fail(unansweredError(question, asker.hint));
        this.#settle(question, { cancelled: true }, reply);
        return;
      default:
        this.#settle(question, { cancelled: true }, reply);
    }
  }

  /**
   * Answers the question with this id, or the oldest one.
   *
   * @returns the question
   * @throws PictlError QUESTION_NOT_FOUND, INVALID_INPUT for an answer of another kind than was asked for
   */
  answer(id: string | undefined, answer: Answer): Question {
    const open = id === undefined ? this.#open.values().next().value : this.#open.get(id);
    if (open === undefined) throw notFound(id);
    check(open.question, answer);
    this.#close(open);
    this.#settle(open.question, answer, open.reply);
    return open.question;
  }

  /** Answers all of them with "no answer". */
  decline(): void {
    for (const open of [...this.#open.values()]) {
      this.#close(open);
      this.#settle(open.question, { cancelled: true }, open.reply);
    }
  }

  /** Closes them all: whoever asked has gone, or no longer waits. */
  close(): void {
    for (const open of [...this.#open.values()]) {
      this.#close(open);
      this.#told("cancelled", open.question);
    }
  }

  #wait(asked: Question, timeoutMs: number | undefined, reply: Reply): void {
    const lifetimeMs = timeoutMs ?? this.#lifetimeMs;
    const question = { ...asked, expiresAt: Date.now() + lifetimeMs };
    const expire = () => {
      this.#close(open);
      // pi ends a dialog with a time of its own by itself.
      if (timeoutMs === undefined) reply({ type: "extension_ui_response", id: question.id, cancelled: true });
      this.#told("expired", question);
    };
    const open = { question, reply, timer: setTimeout(expire, lifetimeMs) };
    open.timer.unref();
    this.#open.set(question.id, open);
    this.#told("open", question);
  }

  #close({ question, timer }: OpenQuestion): void {
    clearTimeout(timer);
    this.#open.delete(question.id);
  }

  #settle(question: Question, answer: Answer, reply: Reply): void {
    reply({ type: "extension_ui_response", id: question.id, ...answer });
    this.#told("cancelled" in answer ? "cancelled" : "answered", question);
  }
}

function check({ method, title, options }: Question, answer: Answer): void {
  if ("cancelled" in answer) return;
  const wanted = method === "confirm" ? "confirmed" : "value";
  if (!(wanted in answer)) {
    throw new PictlError("INVALID_INPUT", `"${title}" is a ${method}: its answer needs \`${wanted}\`.`, {
      hint: method === "confirm" ? "Answer yes or no." : "Answer with a text.",
      details: { method },
    });
  }
  if (method !== "select" || !("value" in answer) || options?.includes(answer.value)) return;
  throw new PictlError("INVALID_INPUT", `"${answer.value}" is none of the choices of "${title}".`, {
    hint: `Choose one of: ${(options ?? []).join(", ")}`,
    details: { options },
  });
}

function notFound(id: string | undefined): PictlError {
  const message = id === undefined ? "No question is open in this session." : `No question ${id} is open.`;
  return new PictlError("QUESTION_NOT_FOUND", message, {
    hint: "It may have been answered from another terminal, or its turn has ended.",
    ...(id === undefined ? {} : { details: { questionId: id } }),
  });
}
