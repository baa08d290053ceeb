import { type ErrorBody, PictlError, toPictlError } from "../core/errors.ts";
import { didYouMean } from "../core/nearest.ts";
import { unknownFlags, unknownValue } from "./suggest-flags.ts";
import { carriageReturn } from "./words.ts";

export interface DescribedError {
  body: ErrorBody;
  exitCode: number;
  /** Only when DEBUG asks for it. */
  stack?: string;
}

/**
 * Any thrown value as what is shown of it and the exit code it ends the command with. oclif's own errors are
 * about how the command was called.
 */
export function describeError(error: unknown, env: NodeJS.ProcessEnv = process.env): DescribedError {
  const failure = isOclifError(error) ? usageError(error) : toPictlError(error);
  const wantsStack = /(^|,)(pictl|\*)/.test(env.DEBUG ?? "");
  const original = failure.cause instanceof Error ? failure.cause : failure;
  return {
    body: failure.toBody(),
    exitCode: failure.exitCode,
    ...(wantsStack && original.stack !== undefined ? { stack: original.stack } : {}),
  };
}

function isOclifError(error: unknown): error is Error {
  return error instanceof Error && "oclif" in error;
}

function usageError(error: Error): PictlError {
  const damaged = /\S+\r/.exec(error.message)?.[0];
  if (damaged !== undefined) return carriageReturn(damaged);
  const message = error.message
    .split("\n")
    .filter((line) => !line.startsWith("See more help with"))
    .join("\n")
    .trim();
  const near = unknownFlags(error) ?? unknownValue(message);
  return new PictlError("USAGE", message, {
    hint: didYouMean(near?.suggestions ?? []) ?? "Run the command with --help to see what it takes.",
    ...(near === undefined ? {} : { details: { ...near } }),
  });
}

/** An error for a person: what happened, its code, and what to do next. */
export function formatError({ code, message, hint }: ErrorBody): string {
  return `Error: ${message} [${code}]\n${hint === undefined ? "" : `${hint}\n`}`;
}
