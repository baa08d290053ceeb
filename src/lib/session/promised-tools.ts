import { BUILT_IN_TOOLS, isMcpTool, type SessionTools } from "../agent/pi/session-tools.ts";
import { PictlError } from "../core/errors.ts";
import { didYouMean, nearest } from "../core/nearest.ts";
import type { SessionOptions } from "../protocol/session.ts";
import { activeBranch, readEntries } from "./files/entries.ts";

const ALLOW = ["--tools", "-t"];
const EXCLUDE = ["--exclude-tools", "-xt"];
/** Options of pi that choose tools (its cli.md, "Tools"). */
const TOOL_OPTIONS = [...ALLOW, ...EXCLUDE, "--no-builtin-tools", "-nbt", "--no-tools", "-nt"];

/** Whether a session was created with a choice of tools. Only then its tools are a promise. */
export function choosesTools({ tools, excludeTools, piArgs = [] }: SessionOptions): boolean {
  return (
    tools !== undefined || excludeTools !== undefined || piArgs.some((arg) => TOOL_OPTIONS.includes(arg))
  );
}

/**
 * Compares the tools that an agent came up with to those that its session had.
 *
 * A change that the session's file records was made in the session, by an extension or in pi's own interface. In a
 * sandbox the file only counts for a tool less: the agent can write it.
 *
 * @param found undefined when the agent didn't report its tools
 * @param path of the session's file; undefined without one
 */
export function findToolsDifference(
  sessionId: string | undefined,
  promised: readonly string[],
  found: SessionTools | undefined,
  { path, isSandboxed }: { path?: string | undefined; isSandboxed: boolean },
): PictlError | undefined {
  const active = found?.active ?? [];
  let missing = promised.filter((name) => !active.includes(name));
  let added = active.filter((name) => !promised.includes(name));
  if (found !== undefined && path !== undefined && missing.length + added.length > 0) {
    const inFile = recordedTools(path);
    missing = missing.filter((name) => inFile.get(name) !== false);
    if (!isSandboxed) added = added.filter((name) => inFile.get(name) !== true);
  }
  if (missing.length + added.length === 0) return undefined;
  const which = sessionId === undefined ? "The session" : `Session ${sessionId}`;
  const problems =
    found === undefined
      ? ["pi didn't report its tools"]
      : [
          ...(missing.length === 0 ? [] : [`pi doesn't have ${missing.join(", ")} any more`]),
          ...(added.length === 0 ? [] : [`pi would add ${added.join(", ")}`]),
        ];
  const remedies = [
    ...(missing.length === 0 ? [] : [`Install the extension that has ${missing.join(", ")} again`]),
    ...(added.length === 0 ? [] : [`Remove what adds ${added.join(", ")} (an extension, pi's settings)`]),
  ];
  return new PictlError(
    "TOOLS_UNAVAILABLE",
    `${which} has the tools ${listed(promised)}, but ${problems.join(" and ")}. Nothing was sent.`,
    {
      hint: `${remedies.join(". ")}, or start another session: \`pictl prompt --new\`.`,
      details: {
        ...(sessionId === undefined ? {} : { sessionId }),
        tools: promised,
        found: found?.active ?? null,
        missing,
        added,
      },
    },
  );
}

/** Tools that the active branch has last added (true) or removed (false). */
function recordedTools(path: string): Map<string, boolean> {
  const recorded = new Map<string, boolean>();
  for (const entry of activeBranch(readEntries(path).entries)) {
    if (entry.type !== "message") continue;
    const message: { role: string; toolsAdded?: unknown; toolsRemoved?: unknown } = entry.message;
    if (message.role !== "system") continue;
    for (const name of namesOf(message.toolsRemoved)) recorded.set(name, false);
    for (const name of namesOf(message.toolsAdded)) recorded.set(name, true);
  }
  return recorded;
}

function namesOf(tools: unknown): string[] {
  return Array.isArray(tools) ? tools.map((tool) => String(tool?.name)) : [];
}

/**
 * Refuses a name in `--tools` that pi doesn't have: pi ignores it, and the session would have fewer tools than asked for.
 * Patterns and changes of the default selection (`+name`, `-name`) may match nothing.
 *
 * @throws PictlError TOOLS_UNAVAILABLE
 */
export function refuseUnknownTools(options: SessionOptions, found: SessionTools | undefined): void {
  if (found === undefined) return;
  const { piArgs = [], tools, excludeTools } = options;
  const excluded = namesIn(lastValue(piArgs, EXCLUDE) ?? excludeTools);
  const unknown = namesIn(lastValue(piArgs, ALLOW) ?? tools).filter(
    (name) =>
      !/^[+-]|\*/.test(name) &&
      !isMcpTool(name) &&
      !found.known.includes(name) &&
      !excluded.some((pattern) => matches(pattern, name)),
  );
  if (unknown.length === 0) return;
  const suggestions = unknown.flatMap((name) => nearest(name, [...found.known, ...BUILT_IN_TOOLS]));
  const [first] = unknown;
  throw new PictlError(
    "TOOLS_UNAVAILABLE",
    unknown.length === 1 ? `pi has no tool "${first}".` : `pi has no tools ${unknown.join(", ")}.`,
    {
      hint: [
        didYouMean(suggestions),
        `Built in are ${BUILT_IN_TOOLS.join(", ")}; all others need their extension.`,
      ]
        .filter(Boolean)
        .join(" "),
      details: { unknown, suggestions },
    },
  );
}

/** pi uses the last one, and its arguments after `--` come last. */
function lastValue(args: readonly string[], names: readonly string[]): string | undefined {
  const index = args.findLastIndex((arg) => names.includes(arg));
  return index < 0 ? undefined : args[index + 1];
}

function namesIn(list: string | undefined): string[] {
  return (list ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
}

/** As pi does: `*` stands for any characters. */
function matches(pattern: string, name: string): boolean {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*")}$`).test(name);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "(none)" : names.join(", ");
}
