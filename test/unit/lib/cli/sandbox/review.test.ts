import assert from "node:assert/strict";
import { test } from "node:test";
import { colorsFor } from "../../../../../src/lib/cli/render/color.ts";
import { reviewFailure } from "../../../../../src/lib/cli/sandbox/review.ts";
import { renderReview } from "../../../../../src/lib/cli/sandbox/review-text.ts";
import type { LaterChange, SandboxReview } from "../../../../../src/lib/core/sandbox-review.ts";

const change = (path: string): LaterChange => ({
  path,
  kind: "build",
  because: "a build runs it",
  change: "added",
});
const reviewOf = (more: Partial<SandboxReview>): SandboxReview => ({
  baselines: [{ workspace: "/w", takenAt: 0 }],
  changes: [],
  notReviewed: [],
  accepted: false,
  ...more,
});

test("a long name is shortened in the middle, so that the table isn't as wide as it", async () => {
  const colors = await colorsFor({}, {});
  const long = `/w/${"\u{1f600}a".repeat(2_000)}/Makefile`;
  for (const stat of [false, true]) {
    const text = renderReview(reviewOf({ changes: [change("/w/Makefile"), change(long)] }), colors, { stat });
    for (const line of text.split("\n")) assert.ok(line.length < 160, line);
    assert.match(text, /a….*a\/Makefile /);
  }
});

test("what accepting doesn't help with has another hint", () => {
  const one = { path: "/w", because: "it has entries whose names aren't UTF-8" };
  const hint = (more: Partial<SandboxReview>) => reviewFailure(reviewOf(more))?.hint;
  assert.match(hint({ notReviewed: [{ ...one, remains: true }] }) ?? "", /^Rename or remove/);
  assert.match(hint({ notReviewed: [one] }) ?? "", /--accept$/);
  assert.match(
    hint({ notReviewed: [{ ...one, remains: true }], changes: [change("/w/x")] }) ?? "",
    /--accept$/,
  );
});
