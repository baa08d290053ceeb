import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** src/ has more files than this; fewer means that dependency-cruiser could not read TypeScript. */
const FEWEST_MODULES = 50;
/** The report of a few hundred modules takes some megabytes. */
const MAX_REPORT_BYTES = 256 * 1024 * 1024;

interface Report {
  summary: {
    totalCruised: number;
    violations: { from: string; to: string; rule: { name: string }; cycle?: { name: string }[] }[];
    ruleSetUsed: { forbidden: { name: string; comment?: string }[] };
  };
}

const root = fileURLToPath(new URL("../", import.meta.url));
const { summary } = cruise();
const comments = new Map(summary.ruleSetUsed.forbidden.map(({ name, comment }) => [name, comment]));
const broken = new Set<string>();
for (const { from, to, rule, cycle } of summary.violations) {
  broken.add(rule.name);
  process.stderr.write(`${rule.name}: ${from} -> ${cycle?.map(({ name }) => name).join(" -> ") ?? to}\n`);
}
for (const name of broken) process.stderr.write(`\n${name}: ${comments.get(name) ?? ""}\n`);
if (broken.size > 0) process.exitCode = 1;
if (summary.totalCruised < FEWEST_MODULES) {
  process.stderr.write(
    `Only ${summary.totalCruised} modules were cruised, and src/ has more than ${FEWEST_MODULES}: ` +
      "dependency-cruiser reads TypeScript up to 6 and passes silently over what it can't read.\n",
  );
  process.exitCode = 1;
} else if (broken.size === 0) {
  process.stdout.write(`Imports of ${summary.totalCruised} modules follow the rules.\n`);
}

/** The JSON output always exits 0, so that the report alone decides. */
function cruise(): Report {
  const report = execFileSync(
    process.execPath,
    [`${root}node_modules/dependency-cruiser/bin/dependency-cruiser.mjs`, "src", "--output-type", "json"],
    { cwd: root, encoding: "utf8", maxBuffer: MAX_REPORT_BYTES, stdio: ["ignore", "pipe", "inherit"] },
  );
  return JSON.parse(report) as Report;
}
