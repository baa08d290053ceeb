import { PictlError } from "../core/errors.ts";
import type { SessionOptions } from "../protocol/session.ts";

/** Which session a starting agent holds. */
export type SessionPlace =
  /** A session file that exists; with `copyId` a new session of that id in the agent's directory, with all that is in it. */
  | { kind: "file"; path: string; copyId?: string }
  /** Not written yet: pi writes a session's file with its first answer. */
  | { kind: "new"; id: string; name?: string | undefined }
  /** Kept in memory only. */
  | { kind: "memory"; id: string; name?: string | undefined };

/**
 * Options of pi that decide what pictl itself must decide: the mode, and which session an agent holds.
 * Source: pi's docs/cli.md, "Invocation and output" and "Sessions".
 */
const RESERVED = new Set([
  "--mode",
  "-p",
  "--print",
  "-c",
  "--continue",
  "-r",
  "--resume",
  "--session",
  "--session-id",
  "--session-dir",
  "--fork",
  "--no-session",
  "--name",
  "-n",
  "--export",
  "-h",
  "--help",
  "-v",
  "--version",
  "--list-models",
]);

/**
 * Refuses arguments after `--` that would take the agent out of pictl's hands.
 *
 * @throws PictlError INVALID_INPUT naming the argument
 */
export function checkPassedArguments(args: readonly string[]): void {
  for (const arg of args) {
    const name = arg.split("=", 1)[0] ?? arg;
    if (!RESERVED.has(name)) continue;
    throw new PictlError("INVALID_INPUT", `${name} can't be passed on to pi: pictl decides it itself.`, {
      hint: "Use pictl's own options (`pictl session create --help`), or run pi directly.",
      details: { argument: arg },
    });
  }
}

/**
 * pi's arguments for one agent.
 *
 * A session that already has a file keeps the name that stands there. Tools, prompts and trust aren't stored there, so
 * they are passed every time.
 *
 * @param chosen model and thinking level that pi must not choose itself
 * @param sessionDir the directory that pi is to keep the session in; absent: where it keeps others
 * @param scripted arguments that load the embedded scripted model, when the session uses it
 */
export function launchArguments(
  place: SessionPlace,
  options: SessionOptions,
  scripted: readonly string[],
  { model, thinking }: { model?: string | undefined; thinking?: string | undefined } = {},
  sessionDir?: string,
): string[] {
  const args = ["--mode", "rpc", ...placeArguments(place)];
  if (sessionDir !== undefined) args.push("--session-dir", sessionDir);
  if (place.kind !== "file" && place.name !== undefined) args.push("--name", place.name);
  if (scripted.length > 0) args.push(...scripted);
  else if (model !== undefined) args.push("--model", model);
  if (thinking !== undefined) args.push("--thinking", thinking);
  if (options.tools !== undefined) args.push("--tools", options.tools);
  if (options.excludeTools !== undefined) args.push("--exclude-tools", options.excludeTools);
  if (options.systemPrompt !== undefined) args.push("--system-prompt", options.systemPrompt);
  for (const text of options.appendSystemPrompt ?? []) args.push("--append-system-prompt", text);
  args.push(options.approve ? "--approve" : "--no-approve");
  args.push(...(options.piArgs ?? []));
  return args;
}

function placeArguments(place: SessionPlace): string[] {
  switch (place.kind) {
    case "file":
      if (place.copyId !== undefined) return ["--fork", place.path, "--session-id", place.copyId];
      return ["--session", place.path];
    case "new":
      return ["--session-id", place.id];
    case "memory":
      return ["--no-session", "--session-id", place.id];
  }
}
