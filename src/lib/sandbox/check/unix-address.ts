export const AF_UNIX = 1;
export const SOCK_DGRAM = 2;

/** struct sockaddr_un of a path (unix(7)). */
export function unixAddress(path: string): Buffer {
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, Buffer.from(`${path}\0`)]);
}
