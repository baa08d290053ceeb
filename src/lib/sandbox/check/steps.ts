import { CALL_NUMBERS, type CallName } from "./call-numbers.ts";
import { type Operand, syscallProgram } from "./syscall-program.ts";

/** A program of one call, or of some that lead to it. */
export type Steps = readonly { call: CallName; args: readonly Operand[] }[];

/** The program that takes these steps on this machine; undefined where none can be written for it. */
export function programOf(steps: Steps): Buffer | undefined {
  const architecture = process.arch;
  const calls = steps.map(({ call, args }) => ({
    number: CALL_NUMBERS[call][architecture as "x64" | "arm64"] ?? -1,
    args,
  }));
  return syscallProgram(calls, architecture);
}
