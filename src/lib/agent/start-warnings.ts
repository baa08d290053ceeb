/** Without a model a prompt is refused, with what to do. */
const TOLD_ELSEWHERE = /^No models available\./;

/**
 * pi's warnings in what it has said on stderr until it was ready: each begins with `Warning: `, and goes on with lines that
 * are indented (its modes/diagnostics-stderr.js).
 */
export function startWarnings(stderr: string): string[] {
  return [...stderr.matchAll(/^Warning: (.*(?:\n[ \t].*)*)/gm)]
    .map(([, text = ""]) => text.replace(/\n\s*/g, " ").trim())
    .filter((text) => !TOLD_ELSEWHERE.test(text))
    .map((text) => `pi: ${text}`);
}

/** The warnings without those of a model that pi couldn't restore. */
export function withoutUnrestored(warnings: readonly string[]): string[] {
  return warnings.filter((text) => !/^pi: Could not restore model /.test(text));
}
