import * as z from "zod/mini";
import { promptFormats, thinkingLevels } from "./choices.ts";
import { CONFIG_KEYS, configLogLevels } from "./config-keys.ts";
import { parseDuration } from "./duration.ts";
import { PictlError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { checkToml, readTomlText, type TomlDocument } from "./toml-file.ts";

const COUNT = "must be a whole number of 1 or more";
const count = z.int(COUNT).check(z.gte(1, COUNT));
/** Below it, requests of ordinary commands would be refused: those to create a session with its options, say. */
const MIN_MESSAGE_BYTES = 64 * 1024;
const MESSAGE_BYTES = `must be a whole number of ${MIN_MESSAGE_BYTES} or more`;
const messageBytes = z.int(MESSAGE_BYTES).check(z.gte(MIN_MESSAGE_BYTES, MESSAGE_BYTES));
const COUNT_OR_NONE = "must be a whole number of 0 or more";
const countOrNone = z.int(COUNT_OR_NONE).check(z.gte(0, COUNT_OR_NONE));

/** `"30m"` to milliseconds; `"never"` and `"0"` to 0, which switches the timeout off. */
const timeout = z.pipe(
  z.string('must be a duration in quotes, such as "30s", "5m" or "never"'),
  z.transform((text, context) => {
    if (text === "never") return 0;
    try {
      return parseDuration(text);
    } catch (error) {
      if (!(error instanceof PictlError)) throw error;
      context.issues.push({
        code: "custom",
        input: text,
        message: `${error.message} Write "30s", "5m", "2h" or "never"`,
      });
      return z.NEVER;
    }
  }),
);

/** The same for what must end: a client waits for it. */
const bounded = timeout.check(
  z.refine((ms) => ms > 0, { error: 'must be longer than nothing, such as "30s"; it can\'t be "never"' }),
);

/** A relative path would mean another program in every directory. */
const program = z.string().check(
  z.refine((name) => name.startsWith("/") || name.startsWith("~/") || (name !== "" && !name.includes("/")), {
    error: "must be a name on PATH, an absolute path or a path that starts with ~/",
  }),
);

const command = z.union([program, z.tuple([program], z.string())], {
  error:
    'must be a program ("pi", "/opt/pi/bin/pi") or an array of a program and its arguments; a string is never split at spaces',
});

/** Begins like a name: what begins with a dash would be taken for an option of pi. */
const model = z
  .string()
  .check(
    z.regex(/^[^\s-]\P{Cc}*$/u, 'must be a model such as "anthropic/claude-sonnet-4-5" or "scripted/echo"'),
  );

const thinking = z.enum(thinkingLevels);
const format = z.enum(promptFormats);

const limits = z.strictObject({
  max_live_agents: z.optional(count),
  spare_agents: z.optional(countOrNone),
  park_after: z.optional(timeout),
  max_message_bytes: z.optional(messageBytes),
  max_sessions: z.optional(count),
  max_connections: z.optional(count),
  max_requests_per_minute: z.optional(count),
  max_session_requests_per_minute: z.optional(count),
  max_pending_requests: z.optional(count),
  max_waiting_prompts: z.optional(count),
  max_subscriber_bytes: z.optional(count),
  max_history_records: z.optional(count),
  max_history_bytes: z.optional(count),
  question_lifetime: z.optional(bounded),
  max_log_bytes: z.optional(count),
  agent_silence: z.optional(timeout),
  max_agent_bytes_per_minute: z.optional(count),
});

const daemon = z.strictObject({
  idle_timeout: z.optional(timeout),
  drain_timeout: z.optional(bounded),
  log_level: z.optional(z.enum(configLogLevels)),
});

const texts = z.union([z.string(), z.array(z.string())], { error: "must be a text or an array of texts" });

const history = z.strictObject({ directories: z.optional(texts), exclude: z.optional(texts) });

/** What `config.toml` may say (docs/configuration.md). An unknown key is refused: it is a typo that would do nothing. */
export const configFile = z.strictObject({
  agent: z.optional(z.strictObject({ command: z.optional(command) })),
  daemon: z.optional(daemon),
  format: z.optional(format),
  history: z.optional(history),
  limits: z.optional(limits),
  model: z.optional(model),
  thinking: z.optional(thinking),
});
export type ConfigFile = z.infer<typeof configFile>;

/**
 * A workspace's file, which came with the repository and is not the user's. It names no program, and no
 * scenario of the scripted model: a scenario decides which tools run, so it is a program too.
 */
const workspaceFile = z.strictObject({
  agent: z.optional(
    z.never(
      "can't be set by a workspace: it would choose a program that runs as you. Set it in your own config.toml",
    ),
  ),
  daemon: z.optional(
    z.never("can't be set by a workspace: the daemon serves all of them. Set it in your own config.toml"),
  ),
  limits: z.optional(
    z.never(
      "can't be set by a workspace: they are the daemon's, which serves all of them. Set them in your own config.toml",
    ),
  ),
  model: z.optional(
    model.check(
      z.refine((name) => !/^scripted\/(?!echo(:[a-z]+)?$)/i.test(name), {
        error: "can't name a scenario: a scenario runs tools without a model. Give it with --model",
      }),
    ),
  ),
  thinking: z.optional(thinking),
  format: z.optional(format),
  history: z.optional(
    z.boolean(
      "must be true or false here: the index is of all workspaces, and its other settings can't be set by a workspace. Set them in your own config.toml",
    ),
  ),
});

/** The values of a file as they are written there, tables in tables. */
export type ConfigDocument = TomlDocument;

/**
 * Reads and checks one file. Durations come back as milliseconds, everything else as it was written.
 *
 * @param kind whose file it is: a workspace's may only narrow
 * @throws PictlError INVALID_CONFIG naming the file, the line and the key
 */
export function readConfigFile(path: string, kind: "user" | "workspace"): ConfigFile {
  return checkConfigText(readTomlText(path, kind), path, kind).config;
}

/**
 * Whether a workspace's file keeps its sessions out of the history index.
 *
 * @throws PictlError INVALID_CONFIG
 */
export function keepsOutOfHistory(path: string): boolean {
  return checkConfigText(readTomlText(path, "workspace"), path, "workspace").document.history === false;
}

/**
 * The same for a text that is to become the file.
 *
 * @returns the checked settings, and the document as it is written
 */
export function checkConfigText(
  text: string,
  path: string,
  kind: "user" | "workspace",
): { config: ConfigFile; document: ConfigDocument } {
  const schema = kind === "user" ? configFile : workspaceFile;
  const { value, document } = checkToml(schema, { text, path, ...CONFIG_HELP });
  return { config: value as ConfigFile, document };
}

const CONFIG_HELP = {
  suggest: nearestKeys,
  help: "See docs/configuration.md for the keys and their values.",
};

/** Keys, and tables of keys, that a mistyped one may have meant. */
export function nearestKeys(key: string): string[] {
  const tables = CONFIG_KEYS.flatMap(({ key: known }) => (known.includes(".") ? known.split(".", 1) : []));
  return nearest(key, [...CONFIG_KEYS.map(({ key: known }) => known), ...(key.includes(".") ? [] : tables)]);
}
