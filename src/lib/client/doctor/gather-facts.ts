import { buildInfo } from "../../core/build-info.ts";
import { toPictlError } from "../../core/errors.ts";
import { findPrlimit } from "../../core/inherited.ts";
import { agentPlaces } from "../../core/outside/agent-places.ts";
import { packagePlace } from "../../core/package-place.ts";
import { type Environment, resolvePaths } from "../../core/paths.ts";
import { limitsOf } from "../../core/resource-limits.ts";
import type { Client } from "../client.ts";
import type { DaemonFacts, DoctorFacts } from "./facts.ts";

/**
 * What the checks of `pictl doctor` need. A daemon that can't be started or asked is a fact like any other.
 *
 * @param connect gives the connection to the daemon; what it throws is reported
 */
export async function gatherFacts(
  connect: () => Promise<Client>,
  cwd: string,
  env: Environment,
): Promise<DoctorFacts> {
  const daemon = await askDaemon(connect);
  const paths = resolvePaths(env);
  return {
    env,
    cwd,
    paths,
    node: { version: process.versions.node, path: process.execPath },
    own: buildInfo(),
    package: packagePlace().root,
    agentPlaces: agentPlaces(paths.agentPlaces),
    daemon,
    limits: {
      shell: limitsOf("self"),
      daemon: daemon.state === "running" ? limitsOf(daemon.pid) : undefined,
      prlimit: findPrlimit(),
    },
  };
}

async function askDaemon(connect: () => Promise<Client>): Promise<DaemonFacts> {
  try {
    const client = await connect();
    const diagnostics = await client.request("get_diagnostics", {});
    return {
      state: "running",
      ...(diagnostics as Omit<Extract<DaemonFacts, { state: "running" }>, "state">),
    };
  } catch (error) {
    return { state: "failed", error: toPictlError(error).toBody() };
  }
}
