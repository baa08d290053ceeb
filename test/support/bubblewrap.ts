import { spawnSync } from "node:child_process";

/** Why tests of sandboxes can't run here, or false: for the `skip` of a test. */
export const WITHOUT_BUBBLEWRAP: string | false =
  spawnSync("bwrap", ["--version"]).status === 0 ? false : "bubblewrap (bwrap) is not on PATH";
