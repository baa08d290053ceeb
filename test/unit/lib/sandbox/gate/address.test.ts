import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressKind } from "../../../../../src/lib/sandbox/gate/address.ts";

const KINDS: Record<string, string[]> = {
  public: [
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "100.128.0.1",
  ],
  loopback: [
    "127.0.0.1",
    "127.255.255.255",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
  ],
  private: [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fdff::1",
    "::ffff:10.0.0.1",
    "fec0::1",
  ],
  "link-local": ["169.254.0.1", "fe80::1", "febf::1"],
  metadata: [
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
  ],
  reserved: [
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "ff02::1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "64:ff9b:1::1",
    "fe80::1%eth0",
    "localhost",
    "",
    "::7f00:1",
    "100::1",
  ],
};

test("each special address is of its kind, in every form that it can hide in", () => {
  for (const [kind, addresses] of Object.entries(KINDS)) {
    for (const address of addresses) assert.equal(addressKind(address), kind, address);
  }
});

test("an IPv4 address has the same kind when it is mapped into IPv6 or translated by NAT64", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      assert.equal(addressKind(`::ffff:${address}`), addressKind(address));
      assert.equal(addressKind(`64:ff9b::${address}`), addressKind(address));
    }),
  );
});

test("no IPv6 address outside 2000::/3 is public but a mapped or translated one", () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      if (addressKind(address) !== "public") return;
      const first = new URL(`http://[${address}]/`).hostname.slice(1).split(":")[0] ?? "";
      const group = Number.parseInt(first || "0", 16);
      assert.ok((group >= 0x2000 && group <= 0x3fff) || first === "64" || first === "", address);
    }),
  );
});
