import type { Environment } from "../core/paths.ts";
import { GATE_PORT } from "./gate-port.ts";

/** What programs need to run at all, and what says who they run for and in which language. */
const PASSED = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "TERM",
  "COLORTERM",
  "NO_COLOR",
  "FORCE_COLOR",
  "TZ",
  "CI",
];

/** By prefix: languages, pi's own settings, and the marks by which pictl finds its agents again. */
const PASSED_PREFIXES = ["LC_", "PI_", "PICTL_AGENT_"];

/** Names of variables that hold secrets, whatever begins with what else passes. */
const SECRET = /(_|^)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)/i;

/**
 * The whole environment of a sandboxed program. It is given to bubblewrap itself: what `--clearenv` takes away would
 * still stand in `/proc/1/environ` of the sandbox.
 *
 * @param names what the policy lets pass beside what is needed; a name that the policy gives passes whatever it is called
 * @param proxied whether the network's only way out is the gate
 */
export function sandboxEnvironment(
  environment: Environment,
  names: readonly string[],
  { proxied }: { proxied: boolean },
): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    const needed =
      (PASSED.includes(name) || PASSED_PREFIXES.some((prefix) => name.startsWith(prefix))) &&
      !SECRET.test(name);
    if (needed || names.includes(name)) passed[name] = value;
  }
  passed.TMPDIR = "/tmp";
  if (proxied) {
    const gate = `http://127.0.0.1:${GATE_PORT}`;
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"])
      passed[name] = gate;
    passed.NO_PROXY = "127.0.0.1,localhost";
    passed.no_proxy = passed.NO_PROXY;
    passed.NODE_USE_ENV_PROXY = "1";
  }
  return passed;
}
