import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Where this package stands, and whether its TypeScript sources are what runs. A bundler decides in which file
 * of `dist/` this code ends up, so the root is looked for instead of counted in steps.
 */
export function packagePlace(): { root: string; fromSource: boolean } {
  const here = fileURLToPath(import.meta.url);
  let root = dirname(here);
  while (!existsSync(join(root, "package.json")) && dirname(root) !== root) root = dirname(root);
  return { root, fromSource: here.endsWith(".ts") };
}
