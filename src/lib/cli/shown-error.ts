import type { PictlError } from "../core/errors.ts";

/** An error that has been shown already: only its exit code is left to tell. */
export class ShownError extends Error {
  readonly exitCode: number;

  constructor(error: PictlError) {
    super(error.message, { cause: error });
    this.exitCode = error.exitCode;
  }
}
