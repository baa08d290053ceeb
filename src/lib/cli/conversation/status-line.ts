import { truncateToWidth, visibleWidth } from "@earendil-works/pi-tui";
import { compactNumber, dollars } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";
import type { ContextUse } from "./session-facts.ts";

/** What the line below the input tells. */
export interface StatusFacts {
  /** The session's name or the beginning of its id. */
  session: string | undefined;
  state: string;
  /** A sign that turns while something goes on; empty when nothing does. */
  spinner: string;
  model: string | undefined;
  thinking: string | undefined;
  context: ContextUse | undefined;
  cost: number;
}

const SEPARATOR = " · ";

/** One line of at most `width` columns. Where it gets narrow, what matters least goes first. */
export function statusLine(facts: StatusFacts, width: number): string {
  const { session, state, spinner, model, thinking, context, cost } = facts;
  const percent = context === undefined ? undefined : `${context.percent.toFixed(0)}%`;
  const full = percent === undefined ? undefined : `${percent} of ${compactNumber(context?.window ?? 0)}`;
  const doing = spinner === "" ? state : `${spinner} ${state}`;
  const name = session === undefined ? undefined : sanitize(session).replaceAll("\n", " ");
  const shortModel = model?.slice(model.lastIndexOf("/") + 1);
  // A scenario's directories say nothing.
  const fullModel = model?.replace(/^scripted\/.*\//, "scripted/");
  const spent = dollars(cost);
  const attempts = [
    [doing, name, fullModel, thinking, full, spent],
    [doing, name, shortModel, thinking, full, spent],
    [doing, name, shortModel, thinking, percent, spent],
    [doing, shortModel, percent, spent],
    [doing, percent, spent],
    [doing],
  ].map((parts) => parts.filter((part) => part !== undefined && part !== "").join(SEPARATOR));
  return attempts.find((line) => visibleWidth(line) <= width) ?? truncateToWidth(state, width, "");
}
