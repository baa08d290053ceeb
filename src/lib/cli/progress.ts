/** A wait that is over sooner needs no explanation, and a spinner that flashes up disturbs. */
const SHOW_AFTER_MS = 400;

/** They must not leave a terminal without its cursor. */
const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const SHOW_CURSOR = "\u001b[?25h";

export interface ProgressOptions {
  /** Where it is shown, if that is a terminal. Default: stderr. */
  stream?: NodeJS.WriteStream;
  showAfterMs?: number;
}

/**
 * Shows on a terminal that something takes its time, and what. Nothing is left of it when the work ends, and
 * nothing is shown elsewhere.
 *
 * @returns what the work resolves to; throws what it rejects with
 */
export async function withProgress<T>(
  title: string,
  work: Promise<T>,
  options: ProgressOptions = {},
): Promise<T> {
  const { stream = process.stderr, showAfterMs = SHOW_AFTER_MS } = options;
  if (stream.isTTY !== true) return await work;
  const settled = work.then(
    () => undefined,
    () => undefined,
  );
  let timer: NodeJS.Timeout | undefined;
  const isLong = await Promise.race([
    settled.then(() => false),
    new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, showAfterMs, true);
    }),
  ]);
  clearTimeout(timer);
  if (isLong) await spin(title, settled, stream);
  return await work;
}

async function spin(title: string, settled: Promise<void>, stream: NodeJS.WriteStream): Promise<void> {
  const { DefaultRenderer, Listr, ListrLogger, ProcessOutput } = await import("listr2");
  // Whether stdout is a terminal, which listr2 asks, says nothing about the stream that is written to.
  class TerminalRenderer extends DefaultRenderer {
    static override nonTTY = true;
  }
  const logger = new ListrLogger({
    useIcons: true,
    processOutput: new ProcessOutput(stream, stream, { leaveEmptyLine: false }),
  });
  const tasks = new Listr([{ title, task: () => settled }], {
    renderer: TerminalRenderer,
    rendererOptions: { logger, clearOutput: true },
    // Its own handler would exit with 127.
    registerSignalListeners: false,
  });
  const onSignal = (signal: NodeJS.Signals) => {
    stream.write(SHOW_CURSOR);
    process.off(signal, onSignal);
    // Only when nobody else handles it may it end the process.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  for (const signal of ENDING) process.on(signal, onSignal);
  try {
    await tasks.run();
  } finally {
    for (const signal of ENDING) process.off(signal, onSignal);
  }
}
