/**
 * Node's own options for the daemon. Without a bound, V8 lets its young generation grow to a hundred megabytes
 * under load and keeps them: with this bound a thousand sessions take half of the memory (docs/performance.md,
 * "Many sessions on few agents"). It is in megabytes.
 */
export const DAEMON_NODE_OPTIONS: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  "--max-semi-space-size=2",
];
