import { KINDS, type Kind } from "../kinds.ts";

/**
 * What people look for, in numbers. Who searches remembers what they asked and what they called it, then what
 * was answered; the output of tools has every word somewhere, and comes last.
 */
export const KIND_WEIGHTS: Readonly<Record<Kind, number>> = {
  // A name was given to find the session again.
  name: 10,
  label: 8,
  user: 6,
  // Says in few words what a long conversation was about.
  summary: 4,
  assistant: 4,
  // Typed by a person, but mostly output.
  bash: 2,
  custom: 2,
  call: 1.5,
  // Mostly says again what the answer says better.
  thinking: 1.2,
  result: 1,
};

/** Half as much after this long, a third after twice as long: old things are found, but behind new ones. */
export const RECENCY_DAYS = 30;

/**
 * How much more a text counts in which the words stand often, as a share of its weight for each doubling of their
 * number; at most three doublings, because a long text is not better for being long.
 */
export const DENSITY = 0.15;
export const MAX_DOUBLINGS = 3;

const HOUR_MS = 3_600_000;

/** The weights by the number of the kind. */
export function weightsByNumber(): Float64Array {
  return Float64Array.from(KINDS, (kind) => KIND_WEIGHTS[kind]);
}

/**
 * The moment, in seconds, that ages are counted from: the end of the hour, so that the pages of one search are cut from
 * one order.
 */
export function rankingTime(now = Date.now()): number {
  return Math.ceil(now / HOUR_MS) * (HOUR_MS / 1000);
}

/** @param age in seconds */
export function recency(age: number): number {
  return 1 / (1 + Math.max(0, age) / (RECENCY_DAYS * 86_400));
}

/** @param occurrences of the words in the text; at least one */
export function density(occurrences: number): number {
  return 1 + DENSITY * Math.min(MAX_DOUBLINGS, Math.log2(Math.max(1, occurrences)));
}
