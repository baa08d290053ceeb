import type { Row } from "./row.ts";
import { ENVIRONMENT } from "./rows/environment.ts";
import { GATE } from "./rows/gate.ts";
import { KERNEL } from "./rows/kernel.ts";
import { LEFT_BEHIND } from "./rows/left-behind.ts";
import { LIMITS } from "./rows/limits.ts";
import { NETWORK } from "./rows/network.ts";
import { PROCESSES } from "./rows/processes.ts";
import { READING } from "./rows/reading.ts";
import { SOCKETS } from "./rows/sockets.ts";
import { WRITING } from "./rows/writing.ts";

/** Everything that is tried, in the order of the table. */
export const ROWS: readonly Row[] = [
  ...READING,
  ...WRITING,
  ...LEFT_BEHIND,
  ...ENVIRONMENT,
  ...SOCKETS,
  ...NETWORK,
  ...GATE,
  ...PROCESSES,
  ...KERNEL,
  ...LIMITS,
];
