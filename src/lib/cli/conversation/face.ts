/** One of the things to choose among. */
export interface Choice {
  value: string;
  label: string;
  description?: string;
}

/** What commands need of whatever shows the conversation: a screen, or the lines of a dumb terminal. */
export interface Face {
  /** Lets the person choose one. @returns its value, or undefined when they don't want any */
  choose(title: string, choices: readonly Choice[]): Promise<string | undefined>;
  /** Puts a text where the next message is typed. */
  setInput(text: string): void;
  /** Says that a text wasn't sent, and leaves the input free for a command. */
  setAside(text: string): void;
  leave(): void;
  /** The keys and what they do, for `/help`; none where there are no keys. */
  readonly keys: readonly [key: string, does: string][];
}
