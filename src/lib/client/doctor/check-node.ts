import { type Finding, failure, ok } from "./finding.ts";

/** The oldest Node that pictl's packages and pi run on, as in `engines` of package.json. */
const MINIMUM = [22, 19] as const;

/** @param node version without `v`, and the absolute path of the program */
export function checkNode({ version, path }: { version: string; path: string }): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]))
    return ok("node", `Node ${version} (${path}).`);
  return failure(
    "node",
    `Node ${version} (${path}) is older than ${MINIMUM.join(".")}.`,
    `Install Node ${MINIMUM.join(".")} or newer.`,
  );
}
