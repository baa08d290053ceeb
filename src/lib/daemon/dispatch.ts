import { z } from "zod/mini";
import en from "zod/v4/locales/en.js";
import { PictlError } from "../core/errors.ts";
import {
  PASSED_THROUGH,
  passedThroughRequest,
  type RequestName,
  type RequestParams,
  requestEnvelope,
  requestSchemas,
} from "../protocol/requests.ts";
import { type HandlerContext, handlers } from "./handlers.ts";

/** `zod/mini` says "Invalid input" to everything unless it is given words. */
const WORDING = { error: en().localeError };
const PASSED = new Set<string>(PASSED_THROUGH);
/** What a daemon that is stopping still does: show, and end what runs. */
const ALLOWED_WHILE_STOPPING = new Set<string>([
  "abort",
  "abort_bash",
  "abort_retry",
  "clear_queue",
  "extension_ui_response",
  "get_daemon_status",
  "get_session",
  "get_queue",
  "list_sessions",
  "match_sessions",
  "respond",
  "stop_daemon",
  "subscribe",
  "unsubscribe",
  "wait",
]);

export function shuttingDown(): PictlError {
  return new PictlError("DAEMON_SHUTTING_DOWN", "The daemon is stopping and takes no new work.", {
    hint: "Run the command again when its last turns have ended, or end them with `pictl daemon stop --now`.",
    retryable: true,
  });
}

/** What comes back for a frame: an answer, or the error that says why there is none. */
export interface Answer {
  id?: string | undefined;
  command: string;
  data?: unknown;
  error?: unknown;
}

/**
 * Takes one request, checks it against the protocol's table and runs its handler. Every request gets exactly
 * one answer.
 */
export async function dispatch(
  frame: string,
  context: HandlerContext,
  respond: (answer: Answer) => void,
  begun: (id: string | undefined, type: string) => void = () => undefined,
): Promise<void> {
  let record: unknown;
  let envelope: { id?: string | undefined; type: string };
  try {
    record = JSON.parse(frame);
    envelope = z.parse(requestEnvelope, record, WORDING);
  } catch (error) {
    respond({
      id: idOf(record),
      command: "unknown",
      error: new PictlError("INVALID_INPUT", `Not a request: ${describe(error)}`),
    });
    return;
  }
  const { id, type } = envelope;
  begun(id, type);
  let answered = false;
  const answer = (result: Pick<Answer, "data" | "error">) => {
    if (answered) return;
    answered = true;
    respond({ id, command: type, ...result });
  };
  try {
    if (context.overload) throw context.overload;
    if (context.isStopping && !ALLOWED_WHILE_STOPPING.has(type)) {
      throw shuttingDown();
    }
    if (PASSED.has(type)) answer({ data: await passThrough(envelope, context) });
    else await handle(type, envelope, context, (data) => answer({ data }));
  } catch (error) {
    answer({ error });
  }
}

/** The id of a record that isn't a valid request, where it has one: its sender waits for that. */
function idOf(record: unknown): string | undefined {
  const result = z.safeParse(requestEnvelope.shape.id, (record as { id?: unknown } | null | undefined)?.id);
  return result.success ? result.data : undefined;
}

async function handle(
  type: string,
  envelope: object,
  context: HandlerContext,
  reply: (data: unknown) => void,
): Promise<void> {
  if (!Object.hasOwn(handlers, type)) {
    throw new PictlError("UNKNOWN_COMMAND", `There is no request "${type}".`, {
      hint: "See docs/protocol.md.",
    });
  }
  const name = type as RequestName;
  // The table ties each name to its own parameters; TypeScript can't follow that through a union of names.
  const schema: z.core.$ZodType = requestSchemas[name];
  const params = parse(schema, envelope, type) as RequestParams<RequestName>;
  const handler = handlers[name] as (
    params: RequestParams<RequestName>,
    context: HandlerContext,
    reply: (data: never) => void,
  ) => Promise<void> | void;
  await handler(params, context, reply as (data: never) => void);
}

async function passThrough(envelope: object, context: HandlerContext): Promise<unknown> {
  const { sessionId, cwd, id, onQuestion, ...command } = parse(passedThroughRequest, envelope, "command");
  const session = context.sessions.find({ sessionId, cwd }, context.caller);
  // The one command whose `id` is pi's own: it names the dialog that is answered.
  const record = command.type === "extension_ui_response" ? answerRecord(command, id) : command;
  return await session.command(record, context.caller, { onQuestion });
}

function parse<T>(schema: z.core.$ZodType<T>, value: unknown, type: string): T {
  const result = z.safeParse(schema, value, WORDING);
  if (result.success) return result.data;
  throw new PictlError("INVALID_INPUT", `The request ${type} is not valid: ${describe(result.error)}`, {
    hint: "See docs/protocol.md.",
  });
}

function describe(error: unknown): string {
  if (error instanceof z.core.$ZodError) {
    return error.issues
      .slice(0, 3)
      .map((issue) => `${issue.path.join(".") || "(record)"}: ${issue.message || issue.code}`)
      .join("; ");
  }
  return error instanceof Error ? error.message : String(error);
}

function answerRecord(command: { type: string; [field: string]: unknown }, id: unknown) {
  const { requestId, ...answer } = command;
  return { ...answer, id: requestId ?? id };
}
