import { PictlError } from "../core/errors.ts";
import type { SessionInfo, SessionOptions } from "../protocol/session.ts";
import { optionFlag } from "./option-flag.ts";
import type { SessionRecord } from "./registry.ts";
import type { Session } from "./session.ts";

/**
 * Refuses a session that was found where it would have been created with other options. Options that nobody asked for
 * aren't compared.
 *
 * @throws PictlError SESSION_DIFFERS naming each option with what was asked for and what the session has;
 * SANDBOX_REQUIRED when the sandbox is among them
 */
export function refuseOtherOptions(session: Session, info: SessionInfo, asked: SessionOptions): void {
  const has = effectiveOptions(session, info);
  const differences = (Object.keys(asked) as (keyof SessionOptions)[]).flatMap((option) => {
    if (isSame(option, asked, has, session.record)) return [];
    return { option, asked: asked[option] ?? null, has: has[option] ?? null };
  });
  if (differences.length === 0) return;
  const isAboutSandbox = differences.some(({ option }) => option === "sandbox" || option === "noSandbox");
  const described = differences.map(
    ({ option, asked, has }) => `${optionFlag(option)} (has ${shown(has)}, asked for ${shown(asked)})`,
  );
  throw new PictlError(
    isAboutSandbox ? "SANDBOX_REQUIRED" : "SESSION_DIFFERS",
    `Session ${info.id} (${info.name}) has other options: ${described.join(", ")}.`,
    {
      hint: "Leave out the options that differ to use the session as it is, or choose another name.",
      details: { sessionId: info.id, name: info.name, differences },
    },
  );
}

function effectiveOptions(session: Session, { model, thinking }: SessionInfo): SessionOptions {
  const { options } = session.record;
  const sandbox = session.sandboxProfile;
  return {
    ...options,
    ...(model === undefined ? {} : { model }),
    ...(thinking === undefined ? {} : { thinking: thinking as SessionOptions["thinking"] }),
    ...(sandbox === undefined ? { noSandbox: true } : { sandbox, noSandbox: false }),
    ephemeral: options.ephemeral ?? false,
    approve: options.approve ?? false,
  };
}

/** @param created the pattern of a model and the level that the session was created with, and what pi made of them */
function isSame(
  option: keyof SessionOptions,
  asked: SessionOptions,
  has: SessionOptions,
  created: Pick<SessionRecord, "options" | "resolved">,
): boolean {
  switch (option) {
    case "model":
    case "thinking":
      return (
        asked[option] === has[option] ||
        (asked[option] === created.options[option] && created.resolved?.[option] === has[option]) ||
        (option === "model" && isPartOf(asked.model ?? "", has.model ?? ""))
      );
    case "tools":
    case "excludeTools":
      return listOf(asked[option]) === listOf(has[option]);
    default:
      return JSON.stringify(asked[option]) === JSON.stringify(has[option]);
  }
}

/** A part of a model's name means that model, as in pi. */
function isPartOf(asked: string, model: string): boolean {
  return !asked.includes("/") && model.toLowerCase().includes(asked.toLowerCase());
}

function listOf(names: string | undefined): string | undefined {
  return names
    ?.split(",")
    .map((name) => name.trim())
    .sort()
    .join();
}

/** Prompts can be long: the beginning tells which one it is. */
const MAX_SHOWN = 60;

function shown(value: unknown): string {
  if (value === null) return "none";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const line = text.replace(/\s+/g, " ");
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN - 1)}…` : line;
}
