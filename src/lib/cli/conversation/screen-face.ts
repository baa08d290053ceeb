import { matchesKey } from "@earendil-works/pi-tui";
import { toPictlError } from "../../core/errors.ts";
import { currentDirectory } from "../session-flags.ts";
import { createCompletion } from "./completion.ts";
import type { Choice, Face } from "./face.ts";
import { handleInput } from "./handle-input.ts";
import type { HistoryFile } from "./history-file.ts";
import { KeptHistory } from "./kept-history.ts";
import { AskView, chooseView, questionView } from "./question-view.ts";
import type { Screen } from "./screen.ts";
import type { Talk } from "./talk.ts";

/** A second Ctrl-C means leaving when it comes so soon. */
const LEAVE_WITHIN_MS = 2_000;

/** Keys, commands and dialogs of a conversation on a screen. */
export class ScreenFace implements Face {
  readonly keys: Face["keys"] = [
    ["Enter", "Send; while the agent works, to the running turn"],
    ["Alt-Enter", "While the agent works: send after its last answer"],
    ["Ctrl-J, \\ Enter", "New line (Shift-Enter where the terminal knows it)"],
    ["↑ ↓", "What was typed before"],
    ["Tab, /, @", "Complete; @file attaches a text or a picture"],
    ["Ctrl-C", "Stop the turn, or clear the input; twice: leave"],
    ["Ctrl-D", "Leave; a running turn goes on"],
    ["Ctrl-O, Ctrl-T", "Unfold tools, thinking"],
    ["Ctrl-G", "Edit in $VISUAL or $EDITOR"],
    ["Ctrl-L, Ctrl-Z", "Draw the screen anew; back to the shell until `fg`"],
  ];
  readonly #talk: Talk;
  readonly #screen: Screen;
  readonly #history: KeptHistory;
  readonly #leave: () => void;
  /** Closes the list that is open, without a choice. */
  #closeChoice: (() => void) | undefined;
  /** The question that is asked on the screen. */
  #shownQuestion: string | undefined;
  #aborting = false;
  #leaveTimer: NodeJS.Timeout | undefined;
  /** An editor of the person's own has the terminal. */
  #away = false;

  constructor(talk: Talk, screen: Screen, history: HistoryFile, leave: () => void) {
    this.#talk = talk;
    this.#screen = screen;
    this.#history = new KeptHistory(history, (text) => talk.conversation.notice("warning", text));
    this.#leave = leave;
  }

  async start(): Promise<void> {
    const { editor, tui } = this.#screen;
    for (const text of this.#history.load()) editor.addToHistory(text);
    editor.setAutocompleteProvider(await createCompletion(this.#talk, currentDirectory()));
    editor.onSubmit = (text) => this.#submit(text, "steer");
    tui.addInputListener((data) => (this.#onKey(data) ? { consume: true } : undefined));
    this.#talk.onChange(() => this.refresh());
    this.refresh();
  }

  /** Keeps what was typed and not sent: up brings it back the next time. */
  stop(): void {
    clearTimeout(this.#leaveTimer);
    this.#closeChoice?.();
    this.#history.add(this.#screen.editor.getExpandedText());
  }

  /** Shows what has changed, and asks what the agent asks. */
  refresh(): void {
    const { conversation } = this.#talk;
    if (!conversation.busy) this.#aborting = false;
    const prefill = conversation.extensions.takePrefill();
    if (prefill !== undefined) this.setInput(prefill);
    this.#showQuestion();
    if (!this.#away) this.#screen.update();
  }

  choose(title: string, choices: readonly Choice[]): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const done = (value: string | undefined) => {
      this.#closeChoice = undefined;
      this.#screen.ask(undefined);
      this.#showQuestion();
      resolve(value);
    };
    this.#closeChoice?.();
    this.#closeChoice = () => done(undefined);
    this.#shownQuestion = undefined;
    this.#screen.ask(chooseView(this.#screen.theme, title, choices, done));
    return promise;
  }

  setInput(text: string): void {
    const { editor } = this.#screen;
    const typed = editor.getExpandedText();
    editor.setText(typed.trim() === "" ? text : `${text}\n\n${typed}`);
    this.#screen.update();
  }

  /** It is in the history of the input already. */
  setAside(): void {
    this.#talk.conversation.notice("quiet", "Not sent. ↑ brings the message back.");
  }

  leave(): void {
    this.#leave();
  }

  /** Ctrl-C: closes, stops, clears or leaves, whichever comes first. */
  interrupt(): void {
    const { conversation } = this.#talk;
    const { editor } = this.#screen;
    if (this.#closeChoice !== undefined) this.#closeChoice();
    else if (conversation.busy || conversation.questions.length > 0) this.#abort();
    else if (conversation.log.openShell !== undefined) this.#run(() => this.#talk.abortShell());
    else if (editor.getText() !== "") editor.setText("");
    else this.#leaveOnSecond();
    this.#screen.update();
  }

  #submit(text: string, whenBusy: "steer" | "followUp"): void {
    if (text.trim() === "") return;
    this.#screen.editor.addToHistory(text);
    this.#history.add(text);
    this.#run(() => handleInput({ talk: this.#talk, face: this }, text, whenBusy));
  }

  /** @returns whether the key was one of ours */
  #onKey(data: string): boolean {
    const { editor, view, tui } = this.#screen;
    const typing = this.#screen.asked === undefined;
    if (matchesKey(data, "ctrl+c")) this.interrupt();
    else if (matchesKey(data, "ctrl+d") && (!typing || editor.getText() === "")) this.leave();
    else if (matchesKey(data, "ctrl+o")) view.folds.tools = !view.folds.tools;
    else if (matchesKey(data, "ctrl+t")) view.folds.thinking = !view.folds.thinking;
    else if (matchesKey(data, "ctrl+l")) tui.requestRender(true);
    else if (matchesKey(data, "ctrl+g")) this.#run(() => this.#edit());
    else if (matchesKey(data, "ctrl+z")) this.#suspend();
    else if (typing && matchesKey(data, "alt+enter") && this.#talk.conversation.busy) this.#submitFollowUp();
    else return false;
    this.#screen.update();
    return true;
  }

  #submitFollowUp(): void {
    const { editor } = this.#screen;
    const text = editor.getExpandedText();
    editor.setText("");
    this.#submit(text, "followUp");
  }

  #abort(): void {
    if (this.#aborting) {
      this.leave();
      return;
    }
    this.#aborting = true;
    this.#run(async () => {
      const givenBack = await this.#talk.abort();
      if (givenBack.length > 0) this.setInput(givenBack.join("\n\n"));
    });
  }

  #leaveOnSecond(): void {
    if (this.#leaveTimer !== undefined) {
      this.leave();
      return;
    }
    this.#screen.hint = "Ctrl-C again to leave";
    this.#leaveTimer = setTimeout(() => {
      this.#leaveTimer = undefined;
      this.#screen.hint = undefined;
      this.#screen.update();
    }, LEAVE_WITHIN_MS);
  }

  #showQuestion(): void {
    if (this.#closeChoice !== undefined) return;
    const [question] = this.#talk.conversation.questions;
    if (question?.id === this.#shownQuestion) return;
    this.#shownQuestion = question?.id;
    const { tui, theme } = this.#screen;
    this.#screen.ask(
      question === undefined
        ? undefined
        : questionView(tui, theme, question, (answer) =>
            this.#run(() => this.#talk.respond(question, answer)),
          ),
    );
  }

  /** The shell's job control: raw mode has taken the key from the terminal. */
  #suspend(): void {
    this.#screen.stop();
    process.once("SIGCONT", () => {
      this.#screen.start();
      this.#screen.tui.requestRender(true);
    });
    // The whole group, as the terminal would.
    process.kill(0, "SIGTSTP");
  }

  /** Lets the person's own editor have the terminal, with what was typed so far. */
  async #edit(): Promise<void> {
    const { asked, editor } = this.#screen;
    const target = asked instanceof AskView ? asked.editor : editor;
    if (target === undefined || this.#away) return;
    const { editText } = await import("../../client/launch-editor.ts");
    this.#away = true;
    this.#screen.stop();
    try {
      target.setText(await editText(target.getExpandedText()));
    } finally {
      this.#away = false;
      this.#screen.start();
      this.#screen.tui.requestRender(true);
    }
  }

  /** Shows what goes wrong, as nobody waits for it. */
  #run(action: () => Promise<void>): void {
    action()
      .catch((error: unknown) => {
        const { code, message } = toPictlError(error);
        if (code !== "DAEMON_UNREACHABLE") this.#talk.conversation.notice("error", message);
      })
      .finally(() => this.refresh());
  }
}
