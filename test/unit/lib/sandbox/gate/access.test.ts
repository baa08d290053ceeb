import assert from "node:assert/strict";
import { test } from "node:test";
import { accessTo, addressProblem, type ProviderHost } from "../../../../../src/lib/sandbox/gate/access.ts";
import { parseAuthority } from "../../../../../src/lib/sandbox/gate/target.ts";
import type { HostRule, NetworkPolicy } from "../../../../../src/lib/sandbox/policy/policy.ts";

function kindsOf(authority: string, network: NetworkPolicy, hosts: ProviderHost[] = []): string {
  const target = parseAuthority(authority);
  if ("reason" in target) return "unreadable";
  const access = accessTo(target, network, hosts);
  return access.allowed ? [...access.kinds].sort().join(" ") : "refused";
}

const rules = (...allow: HostRule[]): NetworkPolicy => ({ kind: "hosts", allow });
const NAMED = "loopback private public";

test("a rule allows its name on its port, or on 443 and 80, and nothing else", () => {
  const exact = rules({ host: "Registry.npmjs.org." });
  assert.equal(kindsOf("registry.npmjs.org:443", exact), "public");
  assert.equal(kindsOf("registry.npmjs.org:80", exact), "public");
  for (const other of [
    "registry.npmjs.org:22",
    "npmjs.org:443",
    "xregistry.npmjs.org:443",
    "a.registry.npmjs.org:443",
  ]) {
    assert.equal(kindsOf(other, exact), "refused", other);
  }
  const suffix = rules({ host: "*.github.com", port: 443 });
  assert.equal(kindsOf("api.github.com:443", suffix), "public");
  assert.equal(kindsOf("a.b.GITHUB.com:443", suffix), "public");
  for (const other of [
    "github.com:443",
    "evilgithub.com:443",
    "api.github.com:80",
    "api.github.com.evil.org:443",
  ]) {
    assert.equal(kindsOf(other, suffix), "refused", other);
  }
});

test("an address is reached only where a rule names it, and a suffix never means one", () => {
  assert.equal(kindsOf("1.1.1.1:443", { kind: "open" }), "refused");
  assert.equal(kindsOf("1.1.1.1:443", rules({ host: "1.1.1.1" })), NAMED);
  assert.equal(kindsOf("127.0.0.1:80", rules({ host: "*.0.0.1" })), "refused");
  assert.equal(kindsOf("[::1]:5432", rules({ host: "[0:0::1]", port: 5432 })), NAMED);
});

test("only a rule that means a private network by its name reaches one", () => {
  assert.equal(kindsOf("localhost:8080", rules({ host: "localhost", port: 8080 })), NAMED);
  assert.equal(kindsOf("npm.corp:443", rules({ host: "npm.corp" })), NAMED);
  assert.equal(kindsOf("wiki:80", rules({ host: "wiki" })), NAMED);
  assert.equal(kindsOf("wiki.corp:80", rules({ host: "*.corp" })), "public");
  assert.equal(kindsOf("registry.npmjs.org:443", rules({ host: "registry.npmjs.org", port: 443 })), "public");
});

test("the provider's hosts are reached under model and hosts, by name and port; none means none", () => {
  const hosts = [
    { host: "api.example.com", port: 443, named: false },
    { host: "127.0.0.1", port: 11434, named: true },
  ];
  assert.equal(kindsOf("api.example.com:443", { kind: "model" }, hosts), "public");
  assert.equal(kindsOf("api.example.com:443", rules(), hosts), "public");
  assert.equal(kindsOf("127.0.0.1:11434", { kind: "model" }, hosts), NAMED);
  assert.equal(kindsOf("127.0.0.1:11435", { kind: "model" }, hosts), "refused");
  assert.equal(kindsOf("localhost:11434", { kind: "model" }, hosts), "refused");
  assert.equal(kindsOf("api.example.com:80", { kind: "model" }, hosts), "refused");
  assert.equal(kindsOf("api.example.com:443", { kind: "none" }, hosts), "refused");
  assert.equal(kindsOf("127.0.0.1:11434", { kind: "none" }, hosts), "refused");
});

test("metadata, link-local and reserved addresses are refused even to who is named", () => {
  const target = parseAuthority("169.254.169.254:80");
  assert.ok(!("reason" in target));
  const access = accessTo(target, rules({ host: "169.254.169.254" }), []);
  assert.ok(access.allowed);
  for (const address of ["169.254.169.254", "fd00:ec2::254", "fe80::1", "0.0.0.0", "ff02::1"]) {
    assert.match(addressProblem(address, access.kinds) ?? "", /resolves to/);
  }
});
