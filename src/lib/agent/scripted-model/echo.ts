import { abridge } from "./chunks.ts";
import type { Transcript } from "./transcript.ts";

/** A prompt is given back whole up to here; a longer one (a diff, a file) only by its beginning and its size. */
const WHOLE_PROMPT_CHARACTERS = 10_000;
const EXCERPT_CHARACTERS = 200;
const FIRST_PROMPT_CHARACTERS = 60;

/** The answer of `scripted/echo`: the prompt, and proof that the earlier ones are still known. */
export function echoText(transcript: Transcript): string {
  if (transcript.summary) return summaryText(transcript);
  if (transcript.toolResult !== undefined) {
    return `echo: the tool said: ${abridge(transcript.toolResult.trim(), EXCERPT_CHARACTERS)}`;
  }
  const { userTexts } = transcript;
  const reply = `echo: ${promptText(userTexts.at(-1) ?? "", transcript.images)}`;
  if (userTexts.length < 2) return reply;
  const first = abridge((userTexts[0] ?? "").trim(), FIRST_PROMPT_CHARACTERS);
  return `${reply} (${userTexts.length} messages so far, the first was: ${first === "" ? "(no text)" : first})`;
}

function promptText(prompt: string, images: number): string {
  const text = prompt.trim();
  const pictures = images === 0 ? "" : `${images} image${images === 1 ? "" : "s"}`;
  if (text === "") return pictures === "" ? "(no text)" : `(no text, ${pictures})`;
  const shown =
    text.length <= WHOLE_PROMPT_CHARACTERS
      ? text
      : `${abridge(text, EXCERPT_CHARACTERS)} (${prompt.length} characters)`;
  return pictures === "" ? shown : `${shown} (with ${pictures})`;
}

/** What a summarization call gets: pi only asks that there is some text. */
function summaryText({ characters }: Transcript): string {
  return `## Goal\nA scripted conversation, summarized from ${characters} characters.`;
}
