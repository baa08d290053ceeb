import { createServer } from "node:net";
import { GATE_PORT } from "../gate-port.ts";

/** Opening a port and handing it out takes a moment; what waits for it must not wait for ever. */
const TIMEOUT_MS = 10_000;

/**
 * Runs in the sandbox before anything else does: opens the port through which the network namespace, empty
 * otherwise, has its way out, hands the listening socket to pictl outside, and ends. What connects to it is from
 * then on accepted outside. The channel it came by is closed to whoever comes after it.
 */
const timer = setTimeout(() => fail("nobody takes it over"), TIMEOUT_MS);
const server = createServer().listen(GATE_PORT, "127.0.0.1", 512, () => {
  // What connects before it is accepted outside waits in the socket's own queue.
  process.send?.("listening", server, {}, (error) =>
    error === null ? process.exit(0) : fail(error.message),
  );
});
server.on("error", (error) => fail(error.message));

function fail(reason: string): void {
  clearTimeout(timer);
  process.stderr.write(`pictl: the sandbox can't listen on port ${GATE_PORT}: ${reason}\n`);
  process.exit(1);
}
