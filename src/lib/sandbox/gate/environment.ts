/**
 * The environment that makes programs inside use the gate as their proxy. The gate itself is reached directly, or
 * a proxied request to a provider's route would be a request of the proxy to itself. Both spellings: curl reads
 * `http_proxy` in lower case only, others upper case only.
 *
 * @param gate `proxyToken` where the gate listens on the host's loopback (`Gate.listen`)
 */
export function gateEnvironment(gate: { port: number; proxyToken?: string }): Record<string, string> {
  const user = gate.proxyToken === undefined ? "" : `pictl:${gate.proxyToken}@`;
  const proxy = `http://${user}127.0.0.1:${gate.port}`;
  const direct = "127.0.0.1,localhost,::1";
  return {
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    ALL_PROXY: proxy,
    all_proxy: proxy,
    NO_PROXY: direct,
    no_proxy: direct,
    // Node's own fetch and http read the variables only when told to (from 24 on).
    NODE_USE_ENV_PROXY: "1",
  };
}
