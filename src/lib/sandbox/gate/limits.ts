/** What a hostile program inside can make the gate hold. In milliseconds, bytes and numbers. */
export interface GateLimits {
  /** Connections from inside at once; the next ones are closed at once. */
  maxConnections: number;
  /** Bytes of a request's line and headers. */
  maxHeaderBytes: number;
  /** From a connection's begin, or the last response's end, until a request's headers are complete. */
  headerTimeout: number;
  /** Without a byte in either direction. A model may think for minutes before it says the first word. */
  idleTimeout: number;
  /** For resolving a name and connecting, all addresses together. */
  connectTimeout: number;
  /** Addresses of one name that are tried. */
  maxAddresses: number;
}

export const DEFAULT_LIMITS: GateLimits = {
  maxConnections: 256,
  maxHeaderBytes: 64 * 1024,
  headerTimeout: 30_000,
  idleTimeout: 15 * 60_000,
  connectTimeout: 15_000,
  maxAddresses: 6,
};

/** With fewer no package manager gets on. */
const LEAST_CONNECTIONS = 8;

/**
 * The connections of one gate of several in a process, so that all of them together take no more than half of the
 * descriptors that the process may open. Each connection takes two: from inside, and to the host.
 *
 * @param descriptors soft limit of the process; null: unlimited
 */
export function connectionsPerGate(descriptors: number | null, gates: number): number {
  const share = descriptors === null ? Number.POSITIVE_INFINITY : Math.floor(descriptors / 4 / gates);
  return Math.min(DEFAULT_LIMITS.maxConnections, Math.max(LEAST_CONNECTIONS, share));
}
