import type { Transcript } from "./transcript.ts";

/** What the templates in a scenario can refer to. */
export interface TemplateValues {
  transcript: Transcript;
  /** pi's environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** pi's working directory. */
  cwd: string;
  /** Thinking level of the request, or `off`. */
  thinking: string;
}

const TEMPLATE = /\{\{(prompt|turn|cwd|system|tools|thinking|env:[A-Za-z_][A-Za-z0-9_]*)\}\}/g;

/**
 * Fills in `{{prompt}}` (the last user message), `{{turn}}` (its number, from 1), `{{cwd}}`, `{{env:NAME}}`
 * (empty when not set), `{{system}}`, `{{tools}}` (names joined by commas) and `{{thinking}}`.
 * Other braces stay as they are.
 */
export function fillTemplate(text: string, values: TemplateValues): string {
  return text.replaceAll(TEMPLATE, (_whole, name: string) => templateValue(name, values));
}

/** The same for every string inside a JSON value. */
export function fillTemplates<T>(value: T, values: TemplateValues): T;
export function fillTemplates(value: unknown, values: TemplateValues): unknown {
  if (typeof value === "string") return fillTemplate(value, values);
  if (Array.isArray(value)) return value.map((item: unknown) => fillTemplates(item, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fillTemplates<unknown>(item, values)]),
  );
}

function templateValue(name: string, { transcript, env, cwd, thinking }: TemplateValues): string {
  switch (name) {
    case "prompt":
      return transcript.userTexts.at(-1) ?? "";
    case "turn":
      return String(transcript.userTexts.length);
    case "cwd":
      return cwd;
    case "system":
      return transcript.systemPrompt;
    case "tools":
      return transcript.tools.join(",");
    case "thinking":
      return thinking;
    default:
      return env[name.slice("env:".length)] ?? "";
  }
}
