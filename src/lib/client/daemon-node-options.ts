/**
 * Node's own options for the daemon. Without a bound V8 lets its young generation grow to a hundred megabytes
 * under load and keeps them: a thousand sessions took 208 MB without the bound and 146 MB with it, of which 18 MB were in
 * use (docs/performance.md, "Many sessions on few agents"). It is in megabytes.
 */
export const DAEMON_NODE_OPTIONS: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  "--max-semi-space-size=2",
];
