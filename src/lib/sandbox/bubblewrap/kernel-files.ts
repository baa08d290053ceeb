import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

const OTHERS_MAY_READ = 0o004;

/**
 * Files of /proc about the whole machine that only root may read (slabinfo, vmallocinfo, kpageflags, …). A sandbox of
 * root's has root's user id, and these files ask for no capability. Takes 1 ms as root, and nothing else.
 *
 * @returns none for other users, to whom the kernel refuses them
 */
export function rootOnlyKernelFiles(): string[] {
  if (process.getuid?.() !== 0) return [];
  return readdirSync("/proc")
    .filter((name) => !/^\d/.test(name))
    .map((name) => join("/proc", name))
    .filter((path) => {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      return stats?.isFile() === true && (stats.mode & OTHERS_MAY_READ) === 0;
    });
}
