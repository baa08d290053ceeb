import type * as z from "zod/mini";
import { type StreamRecord, streamRecord } from "../../src/lib/protocol/stream.ts";
import type { Descriptions } from "./describe.ts";

type Of<T extends StreamRecord["type"]> = Extract<StreamRecord, { type: T }>;

/** Every record must be told; of its own fields those whose names don't tell all. */
type Words = {
  [T in StreamRecord["type"]]: { is: string } & {
    [F in Exclude<keyof Of<T>, "v" | "type" | "sessionId" | "seq">]?: string;
  };
};

const TURN_ID = "The turn: the same in all of its records, and in `turnId` of the other formats.";

const RECORDS: Words = {
  turn_queued: {
    is: "The prompt waits in line.",
    turnId: TURN_ID,
    ahead: "How many prompts go before it, the one that runs included.",
  },
  turn_started: { is: "The agent begins to work on the prompt.", turnId: TURN_ID },
  text: {
    is: "A piece of the assistant's answer as it comes.",
    text: "To be joined to the pieces before it, up to the next `message` of the assistant.",
  },
  thinking: { is: "A piece of the assistant's thinking as it comes.", text: "To be joined, as with `text`." },
  message: {
    is: "A message that is complete. It counts where pieces of it were missed.",
    role: "Who says it: `user`, `assistant`, or `custom` for an extension of the agent.",
    text: "All of its text; empty when the message holds only tool calls.",
    thinking: "All of its thinking; absent when there is none.",
    images: "How many images it holds; absent when there is none.",
    model: "Of the assistant: `provider/id` of the model that said it.",
    stopReason:
      "Of the assistant, why it ended: `stop`, `tools` (it waits for the results of its calls), `length`, `error` or `aborted`.",
  },
  tool: {
    is: "A tool call: `started`, then any number of `running`, then `completed` or `failed`.",
    id: "The same in all records of one call.",
    state: "`started` has `args`; the others have `output`.",
    args: "What the tool is called with; its shape is the tool's own.",
    output: "All of its output so far, as text; of the last record its result, or why it failed.",
  },
  shell: {
    is: "A piece of the output of a command that a person runs in the session (`pictl session bash`).",
  },
  question: {
    is: "The agent, or an extension of it, asks a person something, or a question is no longer open. One that a policy answers has only its last record.",
  },
  notice: {
    is: "What the agent or an extension wants to be seen, or what happens beside the conversation.",
    kind: "`notification`, `status`, `widget`, `title` and `prefill` (text for the input line) come from an extension; `retry`, `compaction` and `problem` from the agent.",
    key: "Of a status or a widget: which one this replaces.",
    text: "Empty when a status or a widget is taken away.",
  },
  queue: {
    is: "What waits in the running turn: all of it, each time a message comes or goes.",
    steering: "Messages for the next model call.",
    followUp: "Messages for the time after the answer.",
  },
  state: { is: "What the session is doing has changed." },
  usage: {
    is: "What the turn has used that ends with the next records.",
    turnId: TURN_ID,
    model: "`provider/id` of the last model that answered.",
    cost: "US dollars.",
  },
  gap: {
    is: "Records are missing here: the reader was too slow, or they came too long ago to be kept.",
    missed: "How many records of the daemon; each may have been none, one or several of these.",
  },
  error: {
    is: "Why the turn did not end as it should, or why nobody waits for its end any more.",
    turnId: TURN_ID,
    code: "One of the codes of docs/errors.md.",
    message: "For people: may be worded differently in any version.",
    hint: "What to do next, for people.",
  },
  turn_ended: {
    is: "The last record of a turn.",
    turnId: TURN_ID,
    outcome:
      "`completed`, `failed`, `aborted`, `truncated` (at the model's output limit), `died` (the agent did) or `handled` (an extension took the prompt; no model was asked).",
    text: "Text of the last assistant message that said something.",
    toolCalls: "How many tools were called.",
    durationMs: "From the start of the turn, its time in line not included.",
  },
};

export function describeStream(descriptions: Descriptions): void {
  for (const option of streamRecord.def.options) {
    const [type] = option.shape.type.def.values;
    if (type === undefined) throw new Error("a record without a type");
    const { is, ...fields } = RECORDS[type];
    descriptions.object(
      option as z.ZodMiniObject<z.core.$ZodShape, z.core.$ZodObjectConfig>,
      { title: type, description: is },
      {
        v: "Version of this vocabulary. Records and fields may be added within it: pass over what you don't know.",
        sessionId: "Full id of the session.",
        seq: "Place in the session's order, as `session watch --since` takes it. Records that tell one event of the agent share it; what the command says by itself has none.",
        ...fields,
      },
    );
  }
}
