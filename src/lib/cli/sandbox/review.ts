import { PictlError } from "../../core/errors.ts";
import type { SandboxReview } from "../../core/sandbox-review.ts";

/** Why a review doesn't end well: there is something that nobody has accepted. */
export function reviewFailure({ changes, notReviewed, accepted }: SandboxReview): PictlError | undefined {
  if (accepted || (changes.length === 0 && notReviewed.length === 0)) return undefined;
  const files = changes.length === 1 ? "1 file" : `${changes.length} files`;
  const message =
    changes.length > 0
      ? `${files} that something outside of the sandbox may run or obey changed.`
      : "Not everything could be looked at.";
  return new PictlError("REVIEW_NEEDED", message, {
    hint:
      changes.length === 0 && notReviewed.every(({ remains }) => remains)
        ? "Rename or remove what couldn't be looked at: --accept leaves it so."
        : "When it is as you want it: pictl sandbox review --accept",
    details: { changes: changes.length, notReviewed: notReviewed.length },
  });
}

/** The same, with the files alone. */
export function withoutDiffs<T extends SandboxReview>(review: T): T {
  return { ...review, changes: review.changes.map(({ diff: _, ...rest }) => rest) };
}
