/**
 * `major.minor`. A minor step adds optional fields or records; a major step changes the meaning of existing
 * ones. Peers of different majors refuse each other.
 */
export const PROTOCOL_VERSION = "1.0";

/** The part of a protocol version that must be equal on both sides. */
export function majorOf(protocolVersion: string): string {
  return protocolVersion.split(".", 1)[0] ?? protocolVersion;
}

/**
 * Version of the stream vocabulary (stream.ts), which every record of it carries as `v`. A record or a field may
 * be added within a version, so a reader passes over what it doesn't know; nothing is renamed, removed or given
 * another meaning.
 */
export const STREAM_VERSION = 1;
