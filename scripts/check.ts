import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** Runs the checks of the built sources side by side: npm scripts, each of which says by itself what is wrong. */
const CHECKS = ["typecheck", "lint", "deps", "check:manifest"];

const root = fileURLToPath(new URL("../", import.meta.url));
const failed = await Promise.all(
  CHECKS.map(async (name) => {
    const child = spawn("npm", ["run", "--silent", name], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const code = new Promise<number | null>((resolve) => {
      child.once("error", () => resolve(null));
      child.once("close", resolve);
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const passed = (await code) === 0;
    process.stdout.write(`${passed ? "✔" : "✖"} npm run ${name}\n${stdout}${stderr}`);
    return !passed;
  }),
);
if (failed.some(Boolean)) process.exitCode = 1;
