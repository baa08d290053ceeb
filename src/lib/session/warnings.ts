/** More aren't kept: each is told once, and what is told is read by a person. */
const MAX_WARNINGS = 20;

/** What the next prompt of a session is told besides its answer, each once. */
export class Warnings {
  readonly #texts = new Set<string>();
  readonly #reported = new Set<string>();

  add(text: string): void {
    if (this.#texts.size < MAX_WARNINGS) this.#texts.add(text);
  }

  /** What each agent of the session says again is told at the first one. */
  addOnce(text: string): void {
    if (this.#reported.has(text) || this.#reported.size >= MAX_WARNINGS) return;
    this.#reported.add(text);
    this.add(text);
  }

  /** Takes all of them. */
  take(): string[] {
    const texts = [...this.#texts];
    this.#texts.clear();
    return texts;
  }
}
