import { randomUUID } from "node:crypto";
import type { Client } from "../../client/client.ts";
import type { PromptFormat } from "../../core/choices.ts";
import type { RequestParams } from "../../protocol/requests.ts";
import type { Deadline } from "../deadline.ts";
import { EXIT_INTERRUPTED, interruptible } from "../interruptible.ts";
import { goesOn, sayWhenTerminated } from "../last-line.ts";
import { writeStderr } from "../output.ts";
import { writeWarnings } from "../sandbox/warnings.ts";
import { ShownError } from "../shown-error.ts";
import type { QuestionAnswerer } from "./answer-questions.ts";
import { followTurn } from "./follow-turn.ts";
import type { TurnView } from "./turn-view.ts";
import type { WaitingLine } from "./waiting-line.ts";

async function createView(format: PromptFormat): Promise<TurnView> {
  switch (format) {
    case "text": {
      const { TextView } = await import("./text-view.ts");
      return new TextView({ showWork: process.stderr.isTTY === true });
    }
    case "stream-json":
    case "pi": {
      const { LinesView, piLines, streamLines } = await import("./lines-view.ts");
      return new LinesView(format === "pi" ? piLines : streamLines);
    }
    case "json":
    case "quiet": {
      const { DocumentView, QuietView } = await import("./document-view.ts");
      return format === "json" ? new DocumentView() : new QuietView();
    }
  }
}

/** Formats that print nothing before the model does, for people who watch. */
async function createWaitingLine(format: PromptFormat): Promise<WaitingLine | undefined> {
  if (process.stderr.isTTY !== true || (format !== "text" && format !== "json")) return undefined;
  const { WaitingLine } = await import("./waiting-line.ts");
  return new WaitingLine(process.env.TERM === "dumb");
}

async function createAnswerer(
  client: Client,
  view: TurnView,
  line: WaitingLine | undefined,
): Promise<QuestionAnswerer> {
  const { QuestionAnswerer } = await import("./answer-questions.ts");
  return new QuestionAnswerer(client, async (question, signal) => {
    const { askQuestion } = await import("./ask-question.ts");
    line?.stop();
    view.endLine?.();
    return await askQuestion(question, signal);
  });
}

/**
 * Prompts a session, shows the turn as it runs and gives the exit code that tells how it ended.
 *
 * Ctrl-C aborts the turn and still shows what was said; a second one leaves at once. A closed terminal or a
 * SIGTERM leaves the turn running, which stderr says.
 *
 * @throws PictlError for what went wrong, after the view has shown what there was
 */
export async function runPrompt(
  client: Client,
  params: RequestParams<"prompt">,
  options: {
    format: PromptFormat;
    deadline?: Deadline | undefined;
    /** The prompt is pi's now, whatever becomes of its turn. */
    onAccepted?: () => void;
    /** Put the questions of the turn to the person at this terminal. */
    askHere?: boolean;
  },
): Promise<number> {
  const view = await createView(options.format);
  const line = await createWaitingLine(options.format);
  const answerer = options.askHere ? await createAnswerer(client, view, line) : undefined;
  let sessionId: string | undefined;
  const forget = sayWhenTerminated(() => {
    line?.stop();
    return goesOn("turn", sessionId);
  });
  const tell = (text: string) => {
    line?.clear();
    void writeStderr(text);
  };
  const work = interruptible(async (interrupted) => {
    const turnId = randomUUID();
    const followed = await followTurn(client, {
      params: { ...params, turnId },
      deadline: options.deadline,
      interrupt: interrupted,
      onSession: (id) => {
        sessionId = id;
      },
      onRecord: (record) => {
        if (line?.isActive && view.shows?.(record)) line.stop();
        view.record(record);
        answerer?.record(record);
      },
      onQueued: (ahead, because) =>
        tell(
          because === undefined
            ? `Waiting for ${ahead === 1 ? "a prompt" : `${ahead} prompts`} ahead in this session…\n`
            : `Waiting: ${because}…\n`,
        ),
      onWarnings: (warnings) => {
        line?.clear();
        void writeWarnings(warnings);
      },
    });
    line?.stop();
    await answerer?.close();
    const { accepted, turn, error, givenBack } = followed;
    if (accepted !== undefined) options.onAccepted?.();
    const shown = turn !== undefined || accepted !== undefined;
    if (shown) {
      const context = {
        sessionId: accepted?.sessionId ?? sessionId ?? params.sessionId ?? "",
        turnId: accepted?.turnId ?? turnId,
        created: accepted?.created ?? false,
      };
      await view.end(turn, context, error?.toBody());
    }
    if (givenBack.length > 0) await writeStderr(givenBack.map((text) => `Not sent: ${text}\n`).join(""));
    if (error === undefined) return 0;
    if (followed.interrupted) {
      await writeStderr(`${error.message}\n${error.hint === undefined ? "" : `${error.hint}\n`}`);
      return EXIT_INTERRUPTED;
    }
    throw shown && options.format === "json" ? new ShownError(error) : error;
  });
  try {
    return await work;
  } finally {
    forget();
    line?.stop();
  }
}
