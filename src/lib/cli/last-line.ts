import { writeSync } from "node:fs";

/** The signals that end a command and leave what it asked for running. */
const ENDING: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP"];

/**
 * Writes a last line to stderr when SIGTERM or SIGHUP ends this process. A signal that somebody else handles, or that
 * is ignored by a handler of its own, is left alone.
 *
 * @returns a function that takes the handlers away
 */
export function sayWhenTerminated(line: () => string): () => void {
  const own = ENDING.filter((signal) => process.listenerCount(signal) === 0);
  const onSignal = (signal: NodeJS.Signals) => {
    dispose();
    try {
      writeSync(process.stderr.fd, `${line()}\n`);
    } catch {
      // The terminal is gone: nobody reads the line.
    }
    process.kill(process.pid, signal);
  };
  const dispose = () => {
    for (const signal of own) process.off(signal, onSignal);
  };
  for (const signal of own) process.on(signal, onSignal);
  return dispose;
}

/**
 * Says that work goes on without its client, and how it is ended.
 *
 * @param what "turn", "command" or "compaction"
 * @param sessionId absent before the daemon has answered
 */
export function goesOn(what: string, sessionId: string | undefined): string {
  return sessionId === undefined
    ? `The ${what} may go on in the daemon. See what runs with: pictl session list --all`
    : `The ${what} goes on in the daemon. End it with: pictl session abort ${sessionId}`.trimEnd();
}
