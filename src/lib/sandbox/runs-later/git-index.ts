/** A file of a git index. */
export interface IndexEntry {
  /** Relative to the worktree. Empty where it replaces an entry of a shared index. */
  name: Buffer;
  /** Counted in its index. */
  position: number;
  isAssumedUnchanged: boolean;
  isSkipped: boolean;
  /** Of the file as git has seen it last: times in seconds since 1970, and its size in bytes, each modulo 2^32. */
  ctimeSeconds: number;
  mtimeSeconds: number;
  size: number;
  /** Of the content. */
  hash: Buffer;
}

export interface GitIndex {
  /** Those that were wanted. */
  entries: IndexEntry[];
  /** Of a split index: the file that has the other entries, and the positions of those that are replaced, in order. */
  shared?: { file: string; replaced: number[] };
}

/** Which entries are wanted, beside all that are flagged. Few are, so that a million others cost little. */
export interface WantedEntries {
  /** Those whose file had changed at this time or later, in seconds since 1970. */
  changedFrom?: number;
  positions?: ReadonlySet<number>;
}

/** Times, device, inode, mode, owner and size; the hash and the flags follow. */
const STAT_BYTES = 40;
const ASSUMED_UNCHANGED = 0x8000;
const IS_EXTENDED = 0x4000;
const NAME_LENGTH = 0x0fff;
/** In the second word of flags. */
const SKIPPED = 0x4000;
/** Entries in between of which others get a turn. */
const ENTRIES_AT_ONCE = 10_000;
/** A shared index that may be read has fewer entries; a few bytes of a bitmap can stand for any number of bits. */
const MAX_BITS = 2 ** 21;
/** SHA-1, then SHA-256: the index doesn't say which. */
const HASH_BYTES = [20, 32] as const;

/**
 * Reads a git index without git, which would obey the repository's configuration. Versions 2, 3 and 4.
 * Source: gitformat-index(5).
 *
 * @throws Error where it is none
 */
export function* parseGitIndex(bytes: Buffer, wanted: WantedEntries = {}): Generator<void, GitIndex> {
  const version = bytes.length < 12 || bytes.toString("latin1", 0, 4) !== "DIRC" ? 0 : bytes.readUInt32BE(4);
  if (version < 2 || version > 4) throw new Error("it is no index of git of a known version");
  for (const hashBytes of HASH_BYTES) {
    const index = yield* parseWith(bytes, version, hashBytes, wanted);
    if (index !== undefined) return index;
  }
  throw new Error("it is no whole index of git");
}

/** Undefined where the bytes make no sense with hashes of this length. */
function* parseWith(
  bytes: Buffer,
  version: number,
  hashBytes: number,
  { changedFrom = Number.POSITIVE_INFINITY, positions }: WantedEntries,
): Generator<void, GitIndex | undefined> {
  // Reads as fast before it is compiled as the methods of a Buffer do afterwards.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - hashBytes;
  const count = bytes.readUInt32BE(8);
  const entries: IndexEntry[] = [];
  let name: Buffer = Buffer.alloc(0);
  let at = 12;
  for (let position = 0; position < count; position++) {
    if (position % ENTRIES_AT_ONCE === 0) yield;
    const flagsAt = at + STAT_BYTES + hashBytes;
    if (flagsAt + 4 > end) return undefined;
    const flags = view.getUint16(flagsAt);
    const isExtended = (flags & IS_EXTENDED) !== 0;
    if (isExtended && version < 3) return undefined;
    const nameAt = flagsAt + (isExtended ? 4 : 2);
    let from = nameAt;
    let kept = 0;
    if (version === 4) {
      const removed = readOffset(bytes, nameAt);
      if (removed === undefined || removed.value > name.length) return undefined;
      kept = name.length - removed.value;
      from = removed.end;
    }
    const length = flags & NAME_LENGTH;
    const nul = length === NAME_LENGTH ? bytes.indexOf(0, from) : from + length - kept;
    if (nul < from || nul >= end || bytes[nul] !== 0) return undefined;
    const isAssumedUnchanged = (flags & ASSUMED_UNCHANGED) !== 0;
    const isSkipped = isExtended && (bytes.readUInt16BE(flagsAt + 2) & SKIPPED) !== 0;
    const isWanted =
      isAssumedUnchanged ||
      isSkipped ||
      (changedFrom < Number.POSITIVE_INFINITY && bytes.readUInt32BE(at) >= changedFrom) ||
      positions?.has(position) === true;
    if (version === 4) name = Buffer.concat([name.subarray(0, kept), bytes.subarray(from, nul)]);
    else if (isWanted) name = bytes.subarray(from, nul);
    if (isWanted)
      entries.push({
        name,
        position,
        isAssumedUnchanged,
        isSkipped,
        ctimeSeconds: bytes.readUInt32BE(at),
        mtimeSeconds: bytes.readUInt32BE(at + 8),
        size: bytes.readUInt32BE(at + 36),
        hash: bytes.subarray(at + STAT_BYTES, flagsAt),
      });
    // Filled up with one to eight NULs to a multiple of eight, save in version 4.
    at = version === 4 ? nul + 1 : at + ((nul - at + 8) & ~7);
  }
  const link = extension(bytes, at, end, "link");
  if (link === "none") return { entries };
  const shared = link && sharedIndex(link, hashBytes);
  return shared && { entries, ...(shared === "none" ? {} : { shared }) };
}

/** A number as git writes the offsets of packs: seven bits a byte, the highest first. */
function readOffset(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  let byte = bytes[from] ?? 0;
  let value = byte & 0x7f;
  let end = from + 1;
  for (; byte & 0x80; end++) {
    if (end - from > 4) return undefined;
    byte = bytes[end] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return { value, end };
}

/** An extension's content. Undefined where what follows the entries isn't made of extensions. */
function extension(bytes: Buffer, from: number, end: number, name: string): Buffer | "none" | undefined {
  let found: Buffer | "none" = "none";
  let at = from;
  while (at + 8 <= end) {
    const next = at + 8 + bytes.readUInt32BE(at + 4);
    if (next > end) return undefined;
    if (bytes.toString("latin1", at, at + 4) === name) found = bytes.subarray(at + 8, next);
    at = next;
  }
  return at === end ? found : undefined;
}

function sharedIndex(link: Buffer, hashBytes: number): GitIndex["shared"] | "none" | undefined {
  const hash = link.subarray(0, hashBytes);
  if (hash.length < hashBytes) return undefined;
  if (hash.every((byte) => byte === 0)) return "none";
  const file = `sharedindex.${hash.toString("hex")}`;
  if (link.length === hashBytes) return { file, replaced: [] };
  const deleted = bitmap(link, hashBytes);
  const replaced = deleted && bitmap(link, deleted.end);
  return replaced && { file, replaced: replaced.bits };
}

/** The bits that are set in a compressed bitmap. Source: gitformat-bitmap(5), appendix A. */
function bitmap(bytes: Buffer, from: number): { bits: number[]; end: number } | undefined {
  if (from + 8 > bytes.length) return undefined;
  const last = from + 8 + bytes.readUInt32BE(from + 4) * 8;
  if (last + 4 > bytes.length) return undefined;
  const bits: number[] = [];
  let bit = 0;
  for (let at = from + 8; at < last; ) {
    // The lowest bit is repeated in that many words, and then come words as they are.
    const [high, low] = [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
    const repeated = ((high & 1) * 0x80000000 + (low >>> 1)) * 64;
    const words = high >>> 1;
    at += 8;
    if (bit + repeated > MAX_BITS || at + words * 8 > last) return undefined;
    if (low & 1) for (let index = 0; index < repeated; index++) bits.push(bit + index);
    bit += repeated;
    for (let word = 0; word < words; word++, at += 8, bit += 64)
      for (let index = 0; index < 64; index++)
        if ((bytes.readUInt32BE(at + (index < 32 ? 4 : 0)) >>> (index % 32)) & 1) bits.push(bit + index);
  }
  return { bits, end: last + 4 };
}
