import { answer } from "../../src/lib/protocol/question.ts";
import {
  clientReady,
  eventRecord,
  gapRecord,
  questionRecord,
  response,
  serverReady,
  serverShutdown,
  sessionElsewhere,
  stateRecord,
  turnRecord,
} from "../../src/lib/protocol/records.ts";
import type { Descriptions } from "./describe.ts";

export function describeServerRecords(descriptions: Descriptions): void {
  descriptions.object(serverReady, {
    id: "server_ready",
    description: "The first record on a connection.",
  });
  descriptions.object(
    response,
    { id: "response", description: "The one answer to a request: `data` with success, else `error`." },
    {
      id: "That of the request; absent when the request had none.",
      command: "The request's type.",
      data: "What docs/protocol.md says for this request; of a command that is passed through, pi's own.",
    },
  );
  descriptions.object(eventRecord, {
    id: "event",
    description: "A record of pi, unchanged.",
  });
  descriptions.object(turnRecord, {
    id: "turn",
    description: "A turn was queued, has started or has ended.",
  });
  descriptions.object(stateRecord, { id: "state", description: "What the session is doing has changed." });
  descriptions.object(questionRecord, {
    id: "question",
    description:
      "A question was opened, or is no longer open. One that the policy answers at once is never `open`.",
  });
  descriptions.object(gapRecord, {
    id: "gap",
    description: "The records with these numbers were dropped before they could be sent.",
  });
  descriptions.object(sessionElsewhere, {
    id: "session_elsewhere",
    description:
      "A request of this connection named a session of another directory; comes before its response.",
  });
  descriptions.object(serverShutdown, {
    id: "server_shutdown",
    description: "The daemon is going away and takes no new work.",
  });
}

export function describeRequests(descriptions: Descriptions): void {
  descriptions.object(clientReady, {
    id: "client_ready",
    description:
      "The client's answer to `server_ready`; not a request, so it gets a response only when it is refused.",
  });
  descriptions.add(answer, {
    id: "Answer",
    description: "An answer to a question: a text or the chosen option, yes or no, or that there is none.",
  });
}

/** What a request asks for, by its type. */
export const REQUESTS = {
  create_session: "Creates a session and starts its agent.",
  ensure_session: "Finds the session of this name in a repository, or creates it.",
  list_sessions: "The sessions of a directory, or all of them.",
  match_sessions: "The sessions that a word means beyond doubt, by name or id.",
  get_session: "One session, with its messages when asked for.",
  prompt: "Gives an agent something to do.",
  abort: "Ends a turn.",
  fork: "A new session from an earlier user message.",
  clone: "A copy of a session.",
  get_fork_messages: "The user messages that a session can be forked at.",
  set_session_name: "Names a session.",
  close_session: "Ends the agent of a session.",
  delete_session: "Removes a session and its file.",
  export_session: "Writes a session into a file.",
  respond: "Answers a question: the one with this id, or the oldest one.",
  wait: "Is answered when one of the conditions is so, which may be at once.",
  review_session: "What a sandboxed session changed that something outside may run or obey.",
  get_queue: "What waits in a session.",
  clear_queue: "Takes back all that waits in a session.",
  send_record: "Hands any record to the agent.",
  subscribe: "Sends this connection the records of a session.",
  unsubscribe: "Ends a subscription.",
  search_history: "Looks for words, phrases and code in all sessions.",
  list_history: "Sessions by time, from the history index.",
  show_history: "A session's entries as the index has them, or those around one.",
  get_history_stats: "Turns, tokens and cost, by model, project, day or tool.",
  get_history_status: "What the history index holds, and what it leaves out.",
  reindex_history: "Reads a session's file anew, or all of them.",
  forget_history: "Takes sessions out of the history index.",
  get_daemon_status: "Facts about the daemon.",
  get_diagnostics: "Facts for `pictl doctor`.",
  stop_daemon: "Ends the daemon.",
} as const;
