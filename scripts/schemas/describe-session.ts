import { promptDocument, promptToolCall } from "../../src/lib/protocol/prompt-document.ts";
import { question, questionState } from "../../src/lib/protocol/question.ts";
import { errorBody } from "../../src/lib/protocol/records.ts";
import {
  sessionInfo,
  sessionOptions,
  sessionState,
  tokenTotals,
  turn,
  turnOutcome,
} from "../../src/lib/protocol/session.ts";
import { transcriptMessage, transcriptToolCall, transcriptUsage } from "../../src/lib/protocol/transcript.ts";
import type { Descriptions } from "./describe.ts";

const DOLLARS = "US dollars.";
const MODEL = "`provider/id`.";
const TIME = "Milliseconds since the epoch.";

/** The parts that several of the published schemas refer to. */
export function describeParts(descriptions: Descriptions): void {
  descriptions.add(sessionState, {
    id: "SessionState",
    description:
      "`waiting`: a question is open. `parked`: no agent, the next prompt starts one. `stopped`: the same, after `session close` or when pictl has not used it yet.",
  });
  descriptions.add(turnOutcome, { id: "TurnOutcome" });
  descriptions.add(questionState, {
    id: "QuestionState",
    description:
      "`answered` or `cancelled` by a person or by the policy (`cancelled` also when its turn has ended), or `expired`.",
  });
  descriptions.object(tokenTotals, { id: "TokenTotals", description: "Tokens by kind." });
  descriptions.object(
    question,
    { id: "Question", description: "What an agent, or an extension of it, wants to know from a person." },
    {
      id: "What `session respond --question` takes.",
      method:
        "`select`: one of `options`; `confirm`: yes or no; `input`: a line of text; `editor`: a text of many lines.",
      expiresAt: `${TIME} From then on nobody waits for an answer any more.`,
      prefill: "The text to edit.",
      placeholder: "What a line of text might look like.",
    },
  );
  descriptions.object(
    errorBody,
    { id: "Error", description: "An expected failure; the codes are in docs/errors.md." },
    {
      code: "Stable, for programs.",
      message: "For people: may be worded differently in any version.",
      hint: "What to do next, for people.",
      details: "The values that matter; which, depends on the code.",
      retryable: "Whether the same request may succeed when it is sent again unchanged.",
    },
  );
}

export function describeSession(descriptions: Descriptions): void {
  descriptions.object(
    sessionInfo,
    { id: "Session", description: "One session." },
    {
      file: "Absolute path of pi's session file; absent for an ephemeral session and before the first answer.",
      model: MODEL,
      thinking: "Thinking level.",
      messages: "How many messages its active branch has, without pi's system message.",
      cost: DOLLARS,
      createdAt: TIME,
      modifiedAt: TIME,
      firstMessage: "The first prompt.",
      current: "Whether it is the current session of its directory.",
      ephemeral: "Whether it is kept in the agent's memory only.",
      origin: "Whether pictl started it or pi's own terminal interface did.",
      agentPid: "Process id of its agent; absent when it has none.",
      turnId: "The turn that runs.",
      queued: "How many prompts wait behind it.",
      questions: "What waits for an answer, the oldest first; absent when nothing does.",
      parentSession: "Path of the session file that this one was forked or cloned from.",
      interrupted: "Whether its last turn was cut by the end of its agent or of the daemon.",
    },
  );
  descriptions.object(
    sessionOptions,
    { id: "SessionOptions", description: "How the agent of a new session is started." },
    {
      model: "`provider/id`, an id or a pattern as pi takes it, or `scripted/…`.",
      tools: "Comma-separated; all others are off.",
      excludeTools: "Comma-separated.",
      systemPrompt: "A text, or the absolute path of a file.",
      appendSystemPrompt: "Texts, or absolute paths of files.",
      ephemeral: "Kept in the agent's memory only; gone when the agent ends.",
      approve: "pi's project trust; absent: nothing of the project is trusted.",
      piArgs: "Arguments that go to pi as they are.",
    },
  );
  descriptions.object(
    turn,
    {
      id: "Turn",
      description: "A turn, from the prompt to its end. All but `id` and `state` depend on the state.",
    },
    {
      ahead: "Of a queued one: how many prompts go before it.",
      text: "Of an ended one: text of the last assistant message that said something.",
      error: "Of an ended one: why it did not end normally.",
      model: MODEL,
      cost: DOLLARS,
      toolCalls: "How many tools were called.",
      abortedBy: "Process id of the client that aborted it.",
    },
  );
}

export function describeTranscript(descriptions: Descriptions): void {
  descriptions.object(
    transcriptMessage,
    { id: "TranscriptMessage", description: "One message of a session as a person reads it." },
    {
      number: "Counts the user messages of the branch from 1: what `session fork --at` takes.",
      entryId: "Id of the entry in pi's session file.",
      text: "Its text; of a tool its result, of a direct shell command (`bash`) its output.",
      toolCallId: "Of a tool's result: the call it answers.",
      command: "Of a direct shell command.",
      exitCode: "Of a direct shell command; absent when it was cut.",
      kind: "Of a summary what it summarizes, of a custom message the extension's own name for it.",
      model: MODEL,
      stopReason: "Of the assistant: why it ended, in pi's words.",
      timestamp: `${TIME} 0 when the entry has no readable time.`,
      images: "How many images it holds.",
    },
  );
  descriptions.object(transcriptToolCall, { id: "TranscriptToolCall", description: "A call of a tool." });
  descriptions.object(
    transcriptUsage,
    { id: "TranscriptUsage", description: "What the model used for this message." },
    { cost: DOLLARS },
  );
}

export function describePromptDocument(descriptions: Descriptions): void {
  descriptions.object(
    promptDocument,
    {
      id: "PromptDocument",
      description:
        "How a prompt that the agent accepted went. What is null was not known when the command stopped waiting.",
    },
    {
      created: "Whether this prompt created the session.",
      text: "Text of the last assistant message that said something.",
      model: "`provider/id`; null when no model answered.",
      cost: DOLLARS,
      error: "Why the turn did not end normally, or why nobody waits for its end any more.",
    },
  );
  descriptions.object(
    promptToolCall,
    { id: "ToolCall", description: "A call of a tool, in the order in which they started." },
    {
      args: "What it was called with; the shape is the tool's own.",
      isError: "Whether it failed; absent when it had not ended.",
    },
  );
}
