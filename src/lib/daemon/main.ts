import { runDaemon } from "./entry.ts";

// stderr is the log: a full disk must not end the daemon.
process.stderr.on("error", () => undefined);

// Not by letting the loop run empty: an agent that was just starting when everything ended must not hold the
// daemon. It ends with its stdin, which closes with this process.
process.exit(await runDaemon(false));
