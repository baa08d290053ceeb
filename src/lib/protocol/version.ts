/**
 * `major.minor`. A minor step adds optional fields or records; a major step changes the meaning of existing
 * ones. Peers of different majors refuse each other.
 */
export const PROTOCOL_VERSION = "1.0";

/** The part of a protocol version that must be equal on both sides. */
export function majorOf(protocolVersion: string): string {
  return protocolVersion.split(".", 1)[0] ?? protocolVersion;
}
