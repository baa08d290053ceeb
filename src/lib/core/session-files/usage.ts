import { asNumber, asObject } from "./json.ts";

/** Tokens of a model's answer, and what it cost in dollars. */
export interface Usage {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  cost: number;
}

/** No answer comes near it, and sums of as many as a file can hold stay finite: JSON has no infinity. */
const MAX_AMOUNT = 1e12;

/**
 * Usage as pi notes it (its message-types.md), of an entry, a message or a result. What is no amount counts as 0: a sandboxed
 * agent writes its session's file itself.
 *
 * @returns undefined where there is none
 */
export function usageOf(value: unknown): Usage | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  return {
    input: amount(usage.input),
    output: amount(usage.output),
    cacheRead: amount(usage.cacheRead),
    cacheWrite: amount(usage.cacheWrite),
    cost: amount(asObject(usage.cost)?.total),
  };
}

/** Usage that is added up, and its tokens of all kinds together. */
export interface UsageSum {
  tokens: { input: number; output: number; cacheRead: number; cacheWrite: number; total: number };
  cost: number;
}

/** Adds what {@link usageOf} reads of a value. */
export function addUsage(sum: UsageSum, value: unknown): void {
  const usage = usageOf(value);
  if (usage === undefined) return;
  for (const kind of ["input", "output", "cacheRead", "cacheWrite"] as const) {
    sum.tokens[kind] += usage[kind];
    sum.tokens.total += usage[kind];
  }
  sum.cost += usage.cost;
}

function amount(value: unknown): number {
  const number = asNumber(value) ?? 0;
  return number > 0 && number <= MAX_AMOUNT ? number : 0;
}
