import {
  type Component,
  Container,
  type Editor,
  ProcessTerminal,
  setCapabilities,
  TuiMainScreen,
  truncateToWidth,
} from "@earendil-works/pi-tui";
import { sanitizeStyled } from "../render/text-width.ts";
import { ConversationView } from "./conversation-view.ts";
import { InputLine } from "./input-line.ts";
import { statusLine } from "./status-line.ts";
import type { Talk } from "./talk.ts";
import type { Theme } from "./theme.ts";

const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Quick enough to look alive, slow enough to cost nothing. */
const TICK_MS = 120;
/** Of one extension's widget, as pi itself bounds it. */
const MAX_WIDGET_LINES = 10;
const PUSH_TITLE = "\u001b[22;0t";
const POP_TITLE = "\u001b[23;0t";

/** The styles of the theme, and pi-tui's marks for the cursor: its place, and the cell that it covers. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const KEPT_SEQUENCES = /(\u001b\[[\d;]*m|\u001b_pi:(?:c|fc|\/fc)\u0007)/;

/** The last step before the terminal: whatever a component draws, a line can't move the cursor or reach beyond. */
class SafeScreen extends TuiMainScreen {
  override render(width: number): string[] {
    return super.render(width).map((line) => sanitizeStyled(line, KEPT_SEQUENCES));
  }
}

/** The parts of the terminal from top to bottom: what was said, widgets, what waits, the input line, the status. */
export class Screen {
  readonly tui: TuiMainScreen;
  readonly editor: Editor;
  readonly view: ConversationView;
  readonly theme: Theme;
  /** Said instead of the status, for a moment. */
  hint: string | undefined;
  readonly #talk: Talk;
  /** Where the input line is, unless something is asked. */
  readonly #slot = new Container();
  #asked: Component | undefined;
  #ticks = 0;
  #timer: NodeJS.Timeout | undefined;
  #title: string | undefined;
  #running = false;

  /** @param logDirectory of the user's own: pi-tui writes what it was drawing there when drawing fails */
  constructor(talk: Talk, theme: Theme, logDirectory: string) {
    this.#talk = talk;
    this.theme = theme;
    // Links show their address: a model's words must not hide where they lead. Pictures aren't drawn.
    setCapabilities({ images: null, trueColor: false, hyperlinks: false });
    this.tui = new SafeScreen(new ProcessTerminal(), false, logDirectory);
    this.editor = new InputLine(this.tui, theme.editor);
    this.view = new ConversationView(talk, theme);
    this.#slot.addChild(this.editor);
    for (const part of [this.view, lines((width) => this.#beforeInput(width)), this.#slot])
      this.tui.addChild(part);
    this.tui.addChild(lines((width) => this.#afterInput(width)));
  }

  start(): void {
    this.#running = true;
    this.tui.start();
    this.tui.setFocus(this.#asked ?? this.editor);
    this.update();
  }

  /** Gives the terminal back as it was. May be called more than once. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#title !== undefined) this.tui.terminal.write(POP_TITLE);
    this.#title = undefined;
    this.tui.stop();
  }

  /** Asks in place of the input line; undefined brings that back. */
  ask(view: Component | undefined): void {
    if (view === this.#asked) return;
    this.#asked = view;
    this.#slot.clear();
    this.#slot.addChild(view ?? this.editor);
    this.tui.setFocus(view ?? this.editor);
    this.tui.requestRender();
  }

  get asked(): Component | undefined {
    return this.#asked;
  }

  /** Draws what has changed. */
  update(): void {
    if (!this.#running) return;
    const { busy, log, extensions } = this.#talk.conversation;
    const { title } = extensions;
    if (title !== undefined && title !== this.#title) {
      if (this.#title === undefined) this.tui.terminal.write(PUSH_TITLE);
      this.#title = title;
      this.tui.terminal.setTitle(title);
    }
    if (busy || log.openShell !== undefined) {
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    this.tui.requestRender();
  }

  #tick(): void {
    this.#ticks++;
    this.tui.requestRender();
  }

  #beforeInput(width: number): string[] {
    const { queue, extensions } = this.#talk.conversation;
    const { dim } = this.theme;
    const shown = [...extensions.widgets.values()].flatMap((text) =>
      text.split("\n").slice(0, MAX_WIDGET_LINES),
    );
    const waiting = [
      ...queue.steering.map((text) => `Steering: ${text}`),
      ...queue.followUp.map((text) => `Follow-up: ${text}`),
    ].map((text) => dim(truncateToWidth(text.replace(/\s+/g, " "), width, "…")));
    return ["", ...shown.map((line) => truncateToWidth(line, width, "…")), ...waiting];
  }

  #afterInput(width: number): string[] {
    const { conversation, model, thinking, context, sessionId } = this.#talk;
    const { dim, warning } = this.theme;
    const { busy, state, cost, info, log, extensions } = conversation;
    const active = busy || log.openShell !== undefined;
    const facts = {
      session: info?.name ?? sessionId?.slice(0, 8),
      state: sessionId === undefined && !busy ? "new" : state,
      spinner: active ? (SPINNER[this.#ticks % SPINNER.length] ?? "") : "",
      model,
      thinking,
      context,
      cost,
    };
    const status =
      this.hint === undefined
        ? dim(statusLine(facts, width))
        : warning(truncateToWidth(this.hint, width, "…"));
    const said = [...extensions.statuses.values()].join(" · ");
    return [status, ...(said === "" ? [] : [dim(truncateToWidth(said, width, "…"))])];
  }
}

/** A component of lines that are computed each time. */
function lines(render: (width: number) => string[]): Component {
  return { render, invalidate: () => undefined };
}
