/**
 * What came over the socket since the daemon started. At its end every request that was received was answered,
 * failed, or dropped because its connection had gone, and every connection that was accepted has been closed.
 */
export class Figures {
  readonly requests = { received: 0, answered: 0, failed: 0, dropped: 0 };
  readonly connections = { accepted: 0, refused: 0, closed: 0 };
}
