import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledPiCli } from "../../src/lib/agent/pi/bundled-pi.ts";
import { LONG } from "./speed.ts";

/** A package as the registry has it: `name@version` and the SHA-512 of its tarball in base64. */
interface Package {
  name: string;
  integrity: string;
}

/**
 * Supported pis beside the bundled one. They can't be dependencies beside it, and `scripts/fetch-pis.ts` fetches them as
 * bare tarballs: pi's own code is bundled in each. `needs` are packages that its bundle imports nevertheless.
 */
export const OTHER_PIS: readonly { version: string; integrity: string; needs: readonly Package[] }[] = [
  {
    version: "1.5.2",
    integrity: "mUWI04rqF1Vd/m1q+Ps1XeWsTXEVvRUnsmRa83I3Dzua0Tx5bYS93imeqtIfrXf7PkkaR6ERz+AuQhIJlom5yA==",
    needs: [],
  },
  {
    version: "0.87.1",
    integrity: "m8ArJUtVcQMSe1lLE/Ei7vX/JV7O39sWmWBsXV2NOU70F0qCp8GubA24pT3LnwTmM6LL2xV80/h6sQg85n69ew==",
    needs: [
      {
        name: "@earendil-works/chord",
        integrity: "bg7IkJGFcEaMqqYgOGUiq5Ky9RghpRfrlZ8I/v/1b4bBZ02A7t3E+6uhPRbadwWb/kWsnVFbZsqOKRN4a3LLCg==",
      },
    ],
  },
];

const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** Where `scripts/fetch-pis.ts` puts a pi: a directory with `package/`, and `node_modules/` with what it needs. */
export function fetchedPiDirectory(version: string): string {
  return join(modules, ".cache", "pictl", `pi-${version}`);
}

/** Program of a fetched pi. */
export function fetchedPiCli(version: string): string {
  return join(fetchedPiDirectory(version), "package", "dist", "bundle", "cli.js");
}

export interface TestedPi {
  /** As a test's name shows it. */
  name: string;
  version: string;
  cli: string;
  /** For node:test: why it can't be tried, or false. */
  skip: string | false;
}

/** All pis that pictl supports: the bundled one, then the others, newest first. */
export const pis: readonly TestedPi[] = [
  { name: `pi ${bundledVersion()}`, version: bundledVersion(), cli: bundledPiCli(), skip: false },
  ...OTHER_PIS.map(({ version }) => {
    const cli = fetchedPiCli(version);
    const skip = existsSync(cli) ? false : "it has not been fetched (node scripts/fetch-pis.ts)";
    return { name: `pi ${version}`, version, cli, skip } as const;
  }),
];

/** All of them in the long form; else the newest and the oldest, between which the others lie. */
export const firstAndLastPis = LONG ? pis : pis.filter((_, index) => index % (pis.length - 1) === 0);

function bundledVersion(): string {
  const manifest = join(modules, "@earendil-works", "pi-coding-agent", "package.json");
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

/** Version of the pi that the end-to-end tests run with. */
export function testedVersion(): string {
  const cli = process.env.PICTL_TEST_PI;
  return pis.find((pi) => pi.cli === cli)?.version ?? bundledVersion();
}
