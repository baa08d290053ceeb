import type { Client } from "../../client/client.ts";
import { changeConfig } from "../../core/config-change.ts";
import { type ConfigValue, findConfigKey, readConfigValues } from "../../core/config-values.ts";
import { PictlError } from "../../core/errors.ts";
import { writeStderr } from "../output.ts";
import { shortPath } from "../render/numbers.ts";
import { configSources, configTarget } from "./places.ts";
import { originText, valueText } from "./show.ts";

export interface ConfigChanged extends ConfigValue {
  /** The file that was changed, or would have been. */
  file: string;
  changed: boolean;
  /** A daemon runs and reads this key only when it starts. */
  restartNeeded: boolean;
}

/**
 * Changes one key and says on stderr when that has no effect yet, or none here.
 *
 * @param words the new value; absent: the key is taken out
 * @param connectIfRunning asks for the daemon, which is never started
 * @throws PictlError USAGE, INVALID_CONFIG, STORAGE_UNAVAILABLE
 */
export async function changeSetting(
  change: { key: string; words?: readonly string[]; workspace: boolean },
  connectIfRunning: () => Promise<Client | undefined>,
): Promise<ConfigChanged> {
  const known = findConfigKey(change.key);
  const { path, kind } = configTarget(change.workspace);
  const { words } = change;
  const changed = changeConfig({ path, kind, key: known, ...(words === undefined ? {} : { words }) });
  const now = readConfigValues(configSources()).find(({ key }) => key === known.key);
  if (now === undefined) throw new Error(`${known.key} has no value`);
  const restartNeeded = changed && known.restart && (await isRunning(connectIfRunning));
  if (restartNeeded) {
    await writeStderr(`The daemon reads ${known.key} when it starts: pictl daemon restart\n`);
  }
  if (words !== undefined && now.path !== path) {
    await writeStderr(`${known.key} is ${valueText(now)} here, from ${originText(now)}.\n`);
  }
  if (!changed) await writeStderr(`${shortPath(path)} stays as it is.\n`);
  return { ...now, file: path, changed, restartNeeded };
}

async function isRunning(connectIfRunning: () => Promise<Client | undefined>): Promise<boolean> {
  try {
    return (await connectIfRunning()) !== undefined;
  } catch (error) {
    // The change is made. What is wrong with the daemon is told by whoever needs it.
    if (error instanceof PictlError) return false;
    throw error;
  }
}
