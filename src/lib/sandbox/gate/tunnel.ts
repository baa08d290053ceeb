import type { Socket } from "node:net";

/** How a tunnel ended. */
export interface TunnelEnd {
  reason?: string;
  /** From the host, and to it. */
  bytesIn: number;
  bytesOut: number;
}

/**
 * Passes bytes between two connections until both are closed; each side waits while the other can't take more.
 * When one side ends, what it sent still arrives.
 *
 * @param head what the client sent already
 * @param idleTimeout milliseconds without a byte either way
 */
export function join(
  client: Socket,
  upstream: Socket,
  head: Buffer,
  idleTimeout: number,
  onEnd: (end: TunnelEnd) => void,
): void {
  let reason: string | undefined;
  const fail = (why: string) => {
    reason ??= why;
    client.destroy();
    upstream.destroy();
  };
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.setTimeout(idleTimeout, () => fail("nothing came for too long"));
    socket.on("error", (error) => fail(error.message));
    socket.once("close", () => {
      if (other.writableEnded && !other.writableFinished) other.once("finish", () => other.destroy());
      else other.destroy();
    });
  }
  upstream.once("close", () => {
    const { bytesRead: bytesIn, bytesWritten: bytesOut } = upstream;
    onEnd({ bytesIn, bytesOut, ...(reason === undefined ? {} : { reason }) });
  });
  client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  if (head.length > 0) upstream.write(head);
  client.pipe(upstream);
  upstream.pipe(client);
}
