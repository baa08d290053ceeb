import { AGENT_EXIT_MS } from "../core/agent-exit-time.ts";
import { buildInfo } from "../core/build-info.ts";
import { compareVersions } from "../core/compare-versions.ts";
import { PictlError, systemErrorCode } from "../core/errors.ts";
import { refuseForeignPlaces } from "../core/foreign-places.ts";
import { checkRuntimeDir, type Environment, type Paths, resolvePaths } from "../core/paths.ts";
import { majorOf, PROTOCOL_VERSION } from "../protocol/version.ts";
import { Client } from "./client.ts";

/** A daemon with nothing to do ends within milliseconds, or when its agents have exited; it waits for no turn. */
const REPLACE_TIMEOUT_MS = AGENT_EXIT_MS + 5_000;

/**
 * Connects to the daemon of this environment, starting it when there is none. A daemon of an older build with
 * nothing running is replaced; one that is busy is used as it is, and `onOutdated` gets what to say about that.
 *
 * @throws PictlError UNSAFE_DIRECTORY, PROTOCOL_MISMATCH, DAEMON_START_FAILED, DAEMON_UNREACHABLE
 */
export async function connectToDaemon(
  env: Environment = process.env,
  onOutdated: (notice: string) => void = () => undefined,
): Promise<Client> {
  refuseForeignPlaces(env);
  const paths = resolvePaths(env);
  const running = await connectToRunning(paths);
  if (running !== undefined) {
    const outdated = isOutdated(running.server);
    if (!outdated || running.server.busy || !(await replace(running))) {
      const client = greet(running, env);
      if (outdated) onOutdated(outdatedNotice(running.server));
      return client;
    }
  }
  const { launchDaemon } = await import("./launch.ts");
  return greet(await launchDaemon(paths, env), env);
}

/** Connects to the daemon if one runs; never starts one. @returns undefined when none runs */
export async function connectIfRunning(env: Environment = process.env): Promise<Client | undefined> {
  refuseForeignPlaces(env);
  const client = await connectToRunning(resolvePaths(env));
  return client === undefined ? undefined : greet(client, env);
}

async function connectToRunning(paths: Paths): Promise<Client | undefined> {
  if (!checkRuntimeDir(paths.runtimeDir)) return undefined;
  return await Client.connect(paths.socket);
}

function greet(client: Client, env: Environment): Client {
  const { protocolVersion, version, pid } = client.server;
  if (majorOf(protocolVersion) !== majorOf(PROTOCOL_VERSION)) {
    client.close();
    throw new PictlError(
      "PROTOCOL_MISMATCH",
      `The daemon (pictl ${version}, process ${pid}) speaks protocol ${protocolVersion}, this pictl (${buildInfo().version}) ${PROTOCOL_VERSION}.`,
      {
        hint: "Run `pictl daemon restart` once its turns have ended.",
        details: {
          daemon: protocolVersion,
          client: PROTOCOL_VERSION,
          version,
          ownVersion: buildInfo().version,
        },
      },
    );
  }
  client.introduce(buildInfo().version, env);
  return client;
}

/** Whether the daemon is of an older build, or of another one of the same version. */
function isOutdated({ version, build }: Client["server"]): boolean {
  const own = buildInfo();
  return build !== own.build && compareVersions(version, own.version) <= 0;
}

function outdatedNotice({ version, build, pid }: Client["server"]): string {
  const own = buildInfo();
  const which = version === own.version ? `another build (${build}, not ${own.build})` : `older (${version})`;
  return `The daemon (process ${pid}) is ${which} and busy, so it is used as it is. Replace it with: pictl daemon restart --when-idle`;
}

/** @returns true when the daemon, which had nothing to do, is gone now */
async function replace(client: Client): Promise<boolean> {
  const { pid } = client.server;
  const gone = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), REPLACE_TIMEOUT_MS);
    client.onClose(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
  try {
    // A signal and not a request: it works across every protocol version.
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (systemErrorCode(error) !== "ESRCH") throw error;
  }
  return await gone;
}
