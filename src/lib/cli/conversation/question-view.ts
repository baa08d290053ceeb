import {
  type Component,
  Editor,
  type Focusable,
  Input,
  matchesKey,
  SelectList,
  type TUI,
  truncateToWidth,
  wrapTextWithAnsi,
} from "@earendil-works/pi-tui";
import type { Answer, Question } from "../../protocol/question.ts";
import { timeOf } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";
import type { Choice } from "./face.ts";
import type { Theme } from "./theme.ts";

const MAX_VISIBLE_CHOICES = 8;
/** A question that explains itself at length still has to leave room for its answers. */
const MAX_QUESTION_LINES = 10;
/** A question always ends at some time; only an end that a person may have to hurry for is told. */
const WORTH_TELLING_MS = 60 * 60 * 1_000;

type Inner = Component & { handleInput(data: string): void };

/** Something that is asked where the input line is otherwise: a title, what is to be known, and the way to answer. */
export class AskView implements Component, Focusable {
  readonly #theme: Theme;
  readonly #title: string;
  readonly #message: string;
  readonly #keys: string;
  readonly #inner: Inner;
  readonly #onCancel: () => void;

  constructor(
    theme: Theme,
    ask: { title: string; message?: string | undefined; keys: string; inner: Inner; onCancel: () => void },
  ) {
    this.#theme = theme;
    this.#title = ask.title;
    this.#message = ask.message ?? "";
    this.#keys = ask.keys;
    this.#inner = ask.inner;
    this.#onCancel = ask.onCancel;
  }

  get focused(): boolean {
    return "focused" in this.#inner && this.#inner.focused === true;
  }

  set focused(focused: boolean) {
    if ("focused" in this.#inner) this.#inner.focused = focused;
  }

  /** The text that is being typed, for an editor of the person's own; undefined where nothing is typed. */
  get editor(): Editor | undefined {
    return this.#inner instanceof Editor ? this.#inner : undefined;
  }

  handleInput(data: string): void {
    if (matchesKey(data, "escape")) this.#onCancel();
    else this.#inner.handleInput(data);
  }

  invalidate(): void {
    this.#inner.invalidate();
  }

  render(width: number): string[] {
    const { accent, bold, dim } = this.#theme;
    const wrapped = (text: string) => text.split("\n").flatMap((line) => wrapTextWithAnsi(line, width));
    const message = this.#message === "" ? [] : wrapped(this.#message);
    return [
      accent("─".repeat(width)),
      ...wrapped(this.#title)
        .slice(0, MAX_QUESTION_LINES)
        .map((line) => bold(line)),
      ...message.slice(0, MAX_QUESTION_LINES),
      ...this.#inner.render(width),
      dim(truncateToWidth(this.#keys, width, "…")),
    ];
  }
}

/** A list to choose from. `done` gets the chosen value, or undefined. */
export function chooseView(
  theme: Theme,
  title: string,
  choices: readonly Choice[],
  done: (value: string | undefined) => void,
  message?: string,
): AskView {
  // By place, because two options may be worded alike.
  const items = choices.map((choice, index) => ({
    ...choice,
    value: String(index),
    label: oneLine(choice.label),
  }));
  const list = new SelectList(items, MAX_VISIBLE_CHOICES, theme.select, {
    minPrimaryColumnWidth: 1,
    maxPrimaryColumnWidth: 48,
  });
  list.onSelect = ({ value }) => done(choices[Number(value)]?.value);
  list.onCancel = () => done(undefined);
  return new AskView(theme, {
    title,
    message,
    keys: "↑↓ choose · Enter take · Esc cancel",
    inner: list,
    onCancel: () => done(undefined),
  });
}

/** A question of the agent's, with the way to answer that it asks for. */
export function questionView(
  tui: TUI,
  theme: Theme,
  question: Question,
  done: (answer: Answer) => void,
): AskView {
  const { method, message, options = [], placeholder, prefill, expiresAt } = question;
  const soon = expiresAt !== undefined && expiresAt - Date.now() < WORTH_TELLING_MS;
  const title = soon ? `${question.title} (until ${clock(expiresAt)})` : question.title;
  const onCancel = () => done({ cancelled: true });
  switch (method) {
    case "select": {
      const choices = options.map((option) => ({ value: option, label: option }));
      return chooseView(
        theme,
        title,
        choices,
        (value) => done(value === undefined ? { cancelled: true } : { value }),
        message,
      );
    }
    case "confirm": {
      const choices = ["Yes", "No"].map((label) => ({ value: label, label }));
      const answer = (value: string | undefined) =>
        done(value === undefined ? { cancelled: true } : { confirmed: value === "Yes" });
      return chooseView(theme, title, choices, answer, message);
    }
    case "input": {
      const inner = new Input({ prompt: "> ", placeholder: placeholder ?? "", placeholderStyle: theme.dim });
      inner.onSubmit = (value) => done({ value });
      return new AskView(theme, { title, message, keys: "Enter answer · Esc cancel", inner, onCancel });
    }
    case "editor": {
      const inner = new Editor(tui, theme.editor);
      inner.setText(prefill ?? "");
      inner.onSubmit = (value) => done({ value });
      const keys = "Enter answer · Ctrl-J new line · Ctrl-G editor · Esc cancel";
      return new AskView(theme, { title, message, keys, inner, onCancel });
    }
  }
}

/** The time of day. */
function clock(ms: number): string {
  return timeOf(ms).slice("2026-11-21 ".length);
}

function oneLine(text: string): string {
  return sanitize(text).replace(/\s+/g, " ").trim();
}
