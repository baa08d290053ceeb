import { closeSync, existsSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PictlError } from "../../core/errors.ts";

/**
 * The program of the pi that pictl depends on, found as Node finds any dependency: from the sources, from a
 * build and from a global installation alike. `createRequire` can't, for pi's package exports ESM only.
 *
 * @throws PictlError PI_NOT_FOUND when the installation is incomplete
 */
export function bundledPiCli(): string {
  let index: string;
  try {
    index = fileURLToPath(import.meta.resolve("@earendil-works/pi-coding-agent"));
  } catch (error) {
    // Node finds no package either where it may open no more files: that is said instead.
    closeSync(openSync(process.execPath, "r"));
    throw incomplete(error);
  }
  const cli = join(dirname(index), "bundle", "cli.js");
  if (!existsSync(cli)) throw incomplete(undefined, cli);
  return cli;
}

function incomplete(cause: unknown, path?: string): PictlError {
  return new PictlError(
    "PI_NOT_FOUND",
    `The pi that comes with pictl is not installed${path ? `: no ${path}` : ""}.`,
    {
      hint: "Install pictl again, or name another pi with PICTL_PI.",
      ...(path === undefined ? {} : { details: { path } }),
      cause,
    },
  );
}
