import { sha256 } from "../../core/sha256.ts";
import { formatHostRule } from "./hosts.ts";
import type { SandboxPolicy } from "./policy.ts";

/**
 * The same for two policies only when they allow the same: an agent of one may serve the other. The order of
 * lists, and whether `--no-sandbox` may be said, don't count.
 *
 * @returns 32 hexadecimal digits
 */
export function policyDigest(policy: SandboxPolicy): string {
  const { network, allowNoSandbox: _, ...rest } = policy;
  const hosts = network.kind === "hosts" ? network.allow.map(formatHostRule) : [];
  const fields = Object.entries({ ...rest, network: network.kind, hosts }).map(([key, value]) => [
    key,
    Array.isArray(value) ? [...new Set(value)].sort() : value,
  ]);
  fields.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return sha256(JSON.stringify(fields)).slice(0, 32);
}
