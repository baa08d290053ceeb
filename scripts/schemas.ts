import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { promptDocument } from "../src/lib/protocol/prompt-document.ts";
import {
  clientReady,
  errorBody,
  eventRecord,
  gapRecord,
  questionRecord,
  response,
  serverReady,
  serverShutdown,
  sessionElsewhere,
  stateRecord,
  turnRecord,
} from "../src/lib/protocol/records.ts";
import { passedThroughRequest, requestSchemas } from "../src/lib/protocol/requests.ts";
import { sessionInfo } from "../src/lib/protocol/session.ts";
import { streamRecord } from "../src/lib/protocol/stream.ts";
import { transcriptMessage } from "../src/lib/protocol/transcript.ts";
import { majorOf, PROTOCOL_VERSION, STREAM_VERSION } from "../src/lib/protocol/version.ts";
import { Descriptions } from "./schemas/describe.ts";
import { describeRequests, describeServerRecords, REQUESTS } from "./schemas/describe-protocol.ts";
import {
  describeParts,
  describePromptDocument,
  describeSession,
  describeTranscript,
} from "./schemas/describe-session.ts";
import { describeStream } from "./schemas/describe-stream.ts";

const OUT = fileURLToPath(new URL("../schemas/", import.meta.url));
const PROTOCOL = majorOf(PROTOCOL_VERSION);

interface Published {
  version: string | number;
  title: string;
  schema: z.core.$ZodType;
}

/** What is published, by the name of its file: each schema stands alone and needs none of the others. */
function published(descriptions: Descriptions): Record<string, Published> {
  const errorDocument = z.object({ error: errorBody });
  descriptions.object(errorDocument, {
    id: "ErrorDocument",
    description: "What a command prints on stdout with --json when it could not do what it was asked to.",
  });
  const list = z.object({ sessions: z.array(sessionInfo) });
  descriptions.object(list, { id: "SessionList", description: "`pictl session list --json`." });
  const notice = z.object({
    kind: z.enum(["title", "status", "widget"]),
    key: z.optional(z.string()),
    text: z.string(),
  });
  const details = z.object({
    session: sessionInfo,
    notices: z.optional(z.array(notice)),
    messages: z.optional(z.array(transcriptMessage)),
  });
  descriptions.object(
    details,
    { id: "SessionDetails", description: "`pictl session show --json`." },
    {
      notices: "What extensions show until they take it down: as in a `notice` of stream-json.",
      messages: "With --messages: those of the active branch, the oldest first.",
    },
  );
  return {
    "stream-json": {
      version: STREAM_VERSION,
      title: "One line of `--format stream-json` (`pictl prompt`, `pictl session watch`)",
      schema: streamRecord,
    },
    "prompt-json": {
      version: PROTOCOL,
      title: "The document of `pictl prompt --format json`, or --json",
      schema: z.union([promptDocument, errorDocument]),
    },
    session: {
      version: PROTOCOL,
      title: "The documents of `pictl session list --json` and `pictl session show --json`",
      schema: z.union([list, details]),
    },
    transcript: {
      version: PROTOCOL,
      title: "The messages of a session, as `pictl session show --messages --json` has them in `messages`",
      schema: z.array(transcriptMessage),
    },
    error: {
      version: PROTOCOL,
      title: "The document of any command with --json that failed",
      schema: z.union([errorDocument]),
    },
    requests: {
      version: PROTOCOL,
      title: "What a client sends to the daemon",
      schema: z.union(requests(descriptions)),
    },
    "server-records": {
      version: PROTOCOL,
      title: "What the daemon sends to a client",
      schema: z.union([
        serverReady,
        response,
        eventRecord,
        turnRecord,
        stateRecord,
        questionRecord,
        gapRecord,
        sessionElsewhere,
        serverShutdown,
      ]),
    },
  };
}

/** Each request as it is sent: its parameters beside `id` and `type`. */
function requests(descriptions: Descriptions): [z.core.$ZodType, ...z.core.$ZodType[]] {
  const id = z.optional(z.string().check(z.maxLength(200)));
  descriptions.add(id, { description: "The caller's own; comes back in the response." });
  const own = Object.entries(requestSchemas).map(([name, params]) => {
    const request = z.object({ id, type: z.literal(name), ...params.shape });
    descriptions.add(request, { id: name, description: REQUESTS[name as keyof typeof requestSchemas] });
    return request;
  });
  const passed = z.looseObject({ id, ...passedThroughRequest.shape });
  descriptions.add(passed, {
    id: "agent_command",
    description: "A command of pi's own RPC, with the session it is for; its other fields are pi's.",
  });
  return [clientReady, ...own, passed];
}

/** The text of each file of schemas/, by its name. */
export function schemaFiles(): Map<string, string> {
  const descriptions = new Descriptions();
  describeParts(descriptions);
  describeStream(descriptions);
  describeSession(descriptions);
  describeTranscript(descriptions);
  describePromptDocument(descriptions);
  describeServerRecords(descriptions);
  describeRequests(descriptions);
  return new Map(
    Object.entries(published(descriptions)).map(([name, { version, title, schema }]) => {
      const { $schema, $defs, ...body } = z.toJSONSchema(schema, {
        // What is written and not what zod gives after parsing: fields that it doesn't know are allowed.
        io: "input",
        metadata: descriptions.registry,
        // A format of zod's own, which goes with a pattern that says the same.
        override: ({ jsonSchema }) => {
          if (jsonSchema.format === "starts_with") delete jsonSchema.format;
        },
      });
      const $id = `pictl:${name}:v${version}`;
      const json = { $schema, $id, title, ...body, ...($defs === undefined ? {} : { $defs }) };
      return [`${name}.schema.json`, `${JSON.stringify(json, null, 2)}\n`];
    }),
  );
}

if (import.meta.main) {
  mkdirSync(OUT, { recursive: true });
  for (const [name, text] of schemaFiles()) writeFileSync(OUT + name, text);
}
