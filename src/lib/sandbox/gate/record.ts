/** One line of what went through the gate, or tried to. Never a path, a header or a body: they hold secrets. */
export interface GateRecord {
  /** When it began, ISO 8601. */
  time: string;
  session?: string;
  /** "CONNECT" for a tunnel, else the request's method; "-" where no request could be read. */
  method: string;
  host: string;
  port: number;
  /** The provider of a request that a credential was added to. */
  provider?: string;
  /** The address that was connected to, or that was the reason to refuse. */
  address?: string;
  /** "allowed": reached; "refused": the policy; "failed": allowed, but nothing came of it. */
  verdict: "allowed" | "refused" | "failed";
  reason?: string;
  /** Bytes that came in from the host, and that went out to it (bodies of requests; all of a tunnel). */
  bytesIn: number;
  bytesOut: number;
  durationMs: number;
  /** Of the host's response, or of the gate's own refusal. */
  status?: number;
  /** How many like this one were left out before it, when there were too many to write. */
  omitted?: number;
}

/** Takes what is known at the begin, and gives what completes and delivers the record, once. */
export function openRecord(
  onLog: (record: GateRecord) => void,
  session: string | undefined,
  begin: Pick<GateRecord, "method" | "host" | "port"> & { provider?: string },
): (
  end: Omit<GateRecord, "time" | "durationMs" | "session" | "method" | "host" | "port" | "provider">,
) => void {
  const started = performance.now();
  const time = new Date().toISOString();
  let closed = false;
  return (end) => {
    if (closed) return;
    closed = true;
    const durationMs = Math.round(performance.now() - started);
    onLog({ time, ...(session === undefined ? {} : { session }), ...begin, ...end, durationMs });
  };
}
