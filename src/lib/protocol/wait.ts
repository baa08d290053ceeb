/**
 * What one can wait for: that nothing runs and nothing waits in the session, that a question is open, or that
 * the turn that runs (or, where none does, the last one) has ended.
 */
export const waitConditions = ["idle", "question", "turn-end"] as const;
export type WaitCondition = (typeof waitConditions)[number];
