import { Editor, getKeybindings } from "@earendil-works/pi-tui";

/** The input line. Enter on a completion that adds nothing sends what is typed, however quickly it was typed. */
export class InputLine extends Editor {
  override handleInput(data: string): void {
    const typed = this.isShowingAutocomplete() ? this.getText() : undefined;
    super.handleInput(data);
    if (typed === undefined || typed === "" || !getKeybindings().matches(data, "tui.input.submit")) return;
    const addedNothing = this.getText().trimEnd() === typed.trimEnd() && !this.isShowingAutocomplete();
    if (addedNothing) super.handleInput(data);
  }
}
