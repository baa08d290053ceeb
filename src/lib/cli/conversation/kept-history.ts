import { systemErrorCode, toPictlError } from "../../core/errors.ts";
import type { HistoryFile } from "./history-file.ts";

/** What was typed before, where it can be kept; where it can't, that is told and the conversation goes on. */
export class KeptHistory {
  readonly #file: HistoryFile;
  readonly #tell: (warning: string) => void;

  constructor(file: HistoryFile, tell: (warning: string) => void) {
    this.#file = file;
    this.#tell = tell;
  }

  load(): string[] {
    try {
      return this.#file.load();
    } catch (error) {
      this.#failed(error);
      return [];
    }
  }

  add(text: string): void {
    try {
      this.#file.add(text);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const why = systemErrorCode(error) ?? toPictlError(error).message;
    this.#tell(`What is typed isn't kept: ${this.#file.path}: ${why}`);
  }
}
