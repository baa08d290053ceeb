import { isIPv4, isIPv6 } from "node:net";

/**
 * What kind of network an address belongs to. Only `public` may be reached without having been named;
 * `loopback` and `private` when a user named exactly that host; the others never.
 */
export type AddressKind = "public" | "loopback" | "private" | "link-local" | "metadata" | "reserved";

/** Network, prefix length and kind (IANA's special-purpose registries). The first that fits counts. */
const IPV4_RANGES: readonly [string, number, AddressKind][] = [
  // Where clouds tell a machine its own credentials: AWS and most others, Alibaba, Oracle, Azure's wire server.
  ["169.254.169.254", 32, "metadata"],
  ["169.254.170.2", 32, "metadata"],
  ["100.100.100.200", 32, "metadata"],
  ["192.0.0.192", 32, "metadata"],
  ["168.63.129.16", 32, "metadata"],
  ["127.0.0.0", 8, "loopback"],
  ["10.0.0.0", 8, "private"],
  ["172.16.0.0", 12, "private"],
  ["192.168.0.0", 16, "private"],
  ["100.64.0.0", 10, "private"],
  ["169.254.0.0", 16, "link-local"],
  // 0.0.0.0 is this machine on Linux.
  ["0.0.0.0", 8, "reserved"],
  ["192.0.0.0", 24, "reserved"],
  ["192.0.2.0", 24, "reserved"],
  ["192.88.99.0", 24, "reserved"],
  ["198.18.0.0", 15, "reserved"],
  ["198.51.100.0", 24, "reserved"],
  ["203.0.113.0", 24, "reserved"],
  ["224.0.0.0", 4, "reserved"],
  ["240.0.0.0", 4, "reserved"],
];

/** The same for IPv6. What none of them names is public inside 2000::/3 and reserved outside it. */
const IPV6_RANGES: readonly [string, number, AddressKind][] = [
  ["fd00:ec2::254", 128, "metadata"],
  ["fd00:ec2::23", 128, "metadata"],
  ["fd20:ce::254", 128, "metadata"],
  ["::1", 128, "loopback"],
  ["fc00::", 7, "private"],
  ["fec0::", 10, "private"],
  ["fe80::", 10, "link-local"],
  ["64:ff9b:1::", 48, "reserved"],
  // Teredo and ORCHID, documentation, 6to4: an IPv4 address can hide in the first and the last.
  ["2001::", 23, "reserved"],
  ["2001:db8::", 32, "reserved"],
  ["2002::", 16, "reserved"],
  ["3fff::", 20, "reserved"],
];

/** Where the last 32 bits are an IPv4 address that is meant in truth: mapped, translated, NAT64. */
const EMBEDDED_IPV4: readonly [string, number][] = [
  ["::ffff:0:0", 96],
  ["::ffff:0:0:0", 96],
  ["64:ff9b::", 96],
];

/** The kind of an IP address literal. What isn't one is "reserved", so that a mistake refuses. */
export function addressKind(address: string): AddressKind {
  if (isIPv4(address)) return ipv4Kind(address);
  if (!isIPv6(address) || address.includes("%")) return "reserved";
  const groups = ipv6Groups(address);
  for (const [network, length] of EMBEDDED_IPV4) {
    if (within(groups, ipv6Groups(network), length, 16)) {
      return ipv4Kind(
        groups
          .slice(6)
          .flatMap((group) => [group >> 8, group & 255])
          .join("."),
      );
    }
  }
  for (const [network, length, kind] of IPV6_RANGES) {
    if (within(groups, ipv6Groups(network), length, 16)) return kind;
  }
  return within(groups, ipv6Groups("2000::"), 3, 16) ? "public" : "reserved";
}

function ipv4Kind(address: string): AddressKind {
  const bytes = address.split(".").map(Number);
  for (const [network, length, kind] of IPV4_RANGES) {
    if (within(bytes, network.split(".").map(Number), length, 8)) return kind;
  }
  return "public";
}

/** The eight groups of a valid IPv6 address, a dotted end included. */
function ipv6Groups(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text =
    dotted === null ? address : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head = "", tail] = text.split("::");
  const left = groupsOf(head);
  if (tail === undefined) return left;
  const right = groupsOf(tail);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

function hex(high: string | undefined, low: string | undefined): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

/** Whether the first `length` bits are equal; `width` is how many bits a part has. */
function within(
  parts: readonly number[],
  network: readonly number[],
  length: number,
  width: number,
): boolean {
  let left = length;
  for (let index = 0; left > 0; index += 1) {
    const shift = Math.max(0, width - left);
    if ((parts[index] ?? 0) >> shift !== (network[index] ?? 0) >> shift) return false;
    left -= width;
  }
  return true;
}
