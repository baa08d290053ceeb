import { createServer } from "node:net";
import { GATE_PORT } from "../gate-port.ts";

/**
 * Runs in the sandbox before anything else does: opens the port through which the network namespace, empty
 * otherwise, has its way out, hands the listening socket to pictl outside, and ends. What connects to it is from
 * then on accepted outside. The channel it came by is closed to whoever comes after it.
 */
const server = createServer().listen(GATE_PORT, "127.0.0.1", 512, () => {
  process.send?.("listening", server, {}, () => process.exit(0));
});
server.on("error", (error) => {
  process.stderr.write(`pictl: the sandbox can't listen on port ${GATE_PORT}: ${error.message}\n`);
  process.exit(1);
});
