import * as z from "zod/mini";
import { questionPolicies } from "./question-policies.ts";

export const questionPolicy = z.enum(questionPolicies);

/** Something that an agent, or an extension of it, wants to know from a person before it goes on. */
export const question = z.object({
  id: z.string(),
  /** A choice among `options`, yes or no, one line of text, or text of many lines. */
  method: z.enum(["select", "confirm", "input", "editor"]),
  title: z.string(),
  message: z.optional(z.string()),
  options: z.optional(z.array(z.string())),
  placeholder: z.optional(z.string()),
  prefill: z.optional(z.string()),
  /** Milliseconds since the epoch; from then on nobody waits for an answer any more. */
  expiresAt: z.optional(z.number()),
});
export type Question = z.infer<typeof question>;

/** `answered` and `cancelled` by a person or by the policy, or `expired`. */
export const questionState = z.enum(["open", "answered", "cancelled", "expired"]);
export type QuestionState = z.infer<typeof questionState>;

/** An answer: the text or the chosen option, yes or no, or that there is none. */
export const answer = z.union([
  z.object({ value: z.string() }),
  z.object({ confirmed: z.boolean() }),
  z.object({ cancelled: z.literal(true) }),
]);
export type Answer = z.infer<typeof answer>;
