/**
 * What may become of a question that an agent asks where no person was asked to answer it: end the turn, decline
 * it, take what it offers by itself, or leave it open. Without zod: the command line needs them at start.
 */
export const questionPolicies = ["fail", "deny", "default", "wait"] as const;
export type QuestionPolicy = (typeof questionPolicies)[number];
