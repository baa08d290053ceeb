/** Every stable error code with the exit code it ends a command with (see docs/errors.md). */
export const EXIT_CODES = {
  INTERNAL: 1,
  OUTPUT_FAILED: 1,
  STORAGE_UNAVAILABLE: 1,
  USAGE: 2,
  INVALID_CONFIG: 2,
  INVALID_INPUT: 2,
  EMPTY_PROMPT: 2,
  UNKNOWN_COMMAND: 2,
  CONFIRMATION_REQUIRED: 2,
  NAME_TAKEN: 2,
  SESSION_DIFFERS: 2,
  PI_NOT_FOUND: 2,
  PI_TOO_OLD: 2,
  HOME_NOT_SET: 2,
  TIMEOUT: 3,
  SESSION_NOT_FOUND: 4,
  SESSION_AMBIGUOUS: 4,
  ENTRY_NOT_FOUND: 4,
  QUESTION_NOT_FOUND: 4,
  DIRECTORY_NOT_FOUND: 4,
  FILE_NOT_FOUND: 4,
  SESSION_FILE_LOST: 4,
  BASELINE_NOT_FOUND: 4,
  QUESTION_UNANSWERED: 5,
  TURN_FAILED: 6,
  TURN_ABORTED: 6,
  TURN_TRUNCATED: 6,
  TURN_NOT_SAVED: 6,
  PROMPT_REJECTED: 6,
  NO_MODEL: 6,
  MODEL_UNAVAILABLE: 6,
  TOOLS_UNAVAILABLE: 6,
  AGENT_DIED: 6,
  AGENT_START_FAILED: 6,
  AGENT_COMMAND_FAILED: 6,
  AGENT_TIMEOUT: 6,
  SANDBOX_UNAVAILABLE: 7,
  SANDBOX_CHANGED: 7,
  SANDBOX_REQUIRED: 7,
  SANDBOX_CHECK_FAILED: 7,
  REVIEW_NEEDED: 7,
  SANDBOX_PROVIDER: 7,
  LIMIT_EXCEEDED: 8,
  MESSAGE_TOO_LARGE: 8,
  DAEMON_UNREACHABLE: 9,
  DAEMON_START_FAILED: 9,
  DAEMON_SHUTTING_DOWN: 9,
  DAEMON_BUSY: 9,
  UNSAFE_DIRECTORY: 9,
  PROTOCOL_MISMATCH: 9,
  SESSION_BUSY: 11,
  SESSION_IN_USE: 11,
  UNHEALTHY: 1,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

export interface ErrorOptions {
  /** The next action, as a sentence or a command to run. */
  hint?: string | undefined;
  /** Values that matter, as plain JSON. */
  details?: Record<string, unknown> | undefined;
  /** Whether the same request may succeed when it is sent again unchanged. */
  retryable?: boolean | undefined;
  cause?: unknown;
}

/** The wire form of an error: the `error` of a response, and of `--json` output. */
export interface ErrorBody {
  code: string;
  message: string;
  hint?: string | undefined;
  details?: Record<string, unknown> | undefined;
  retryable: boolean;
}

/**
 * A failure that was foreseen: it has a stable code, says what happened with the values that matter and what
 * to do next. Anything else that is thrown is a bug and ends a command with exit code 1.
 */
export class PictlError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PictlError";
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
    this.retryable = options.retryable ?? false;
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
      retryable: this.retryable,
    };
  }

  /** Rebuilds an error that crossed the socket. A code this build doesn't know becomes INTERNAL. */
  static fromBody(body: ErrorBody): PictlError {
    const known = Object.hasOwn(EXIT_CODES, body.code);
    return new PictlError(known ? (body.code as ErrorCode) : "INTERNAL", body.message, {
      hint: body.hint,
      details: known ? body.details : { ...body.details, code: body.code },
      retryable: body.retryable,
    });
  }
}

/** Any thrown value as a {@link PictlError}; what was not foreseen becomes INTERNAL with the original as cause. */
export function toPictlError(error: unknown): PictlError {
  if (error instanceof PictlError) return error;
  // The daemon in the foreground is a bundle of its own, with its own copy of this class.
  if (error instanceof Error && error.name === "PictlError" && "toBody" in error) {
    return PictlError.fromBody((error as PictlError).toBody());
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isOutOfDescriptors(error)) {
    return new PictlError("LIMIT_EXCEEDED", `Too many open files: ${message}.`, {
      hint: "The limit of open files is too low. Raise it, for example with `ulimit -n 1024`; for a daemon that runs, run `pictl daemon restart` then.",
      details: { limit: "open_files", errno: systemErrorCode(error) },
      cause: error,
    });
  }
  return new PictlError("INTERNAL", message, {
    hint: "This is a bug in pictl. Run the command again with DEBUG=pictl to see where it happened.",
    cause: error,
  });
}

/** The `code` of a Node system error (`ENOENT`, `EROFS`, …), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}

/** Whether this process, or the machine, may open no more files. */
export function isOutOfDescriptors(error: unknown): boolean {
  return ["EMFILE", "ENFILE"].includes(systemErrorCode(error) ?? "");
}

/**
 * A failed write as an error people can act on, or the original when it isn't one of the storage failures
 * (read-only file system, no permission, full disk, quota).
 */
export function toStorageError(error: unknown, path: string): unknown {
  const reasons: Record<string, string> = {
    EROFS: "the file system is read-only",
    EACCES: "permission denied",
    EPERM: "permission denied",
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    ENOTDIR: "a part of the path is not a directory",
    ENXIO: "a socket or a pipe is in its place",
    EEXIST: "something that is not a directory is in its place",
    EISDIR: "a directory is in its place",
  };
  const code = systemErrorCode(error);
  const reason = code === undefined ? undefined : reasons[code];
  if (reason === undefined) return error;
  return new PictlError("STORAGE_UNAVAILABLE", `Cannot write ${path}: ${reason}.`, {
    hint: "Free space or fix the permissions, or set PICTL_HOME to a directory that can be written.",
    details: { path, errno: code },
    cause: error,
  });
}
