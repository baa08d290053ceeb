import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../core/config.ts";
import { PictlError, systemErrorCode, toStorageError } from "../../core/errors.ts";
import { packagePlace } from "../../core/package-place.ts";
import { type Environment, resolvePaths } from "../../core/paths.ts";
import { homeOf } from "../../core/user.ts";
import { DAEMON_NODE_OPTIONS } from "../daemon-node-options.ts";
import { systemdUnits, UNIT_MARK, type Unit, unitDirectory } from "./units.ts";

export interface UnitFile extends Unit {
  path: string;
}

/** The unit files for this installation and this shell's places, not written yet. */
export async function unitFiles(env: Environment = process.env): Promise<UnitFile[]> {
  const paths = resolvePaths(env);
  const { daemon } = await loadConfig(paths.config);
  const { root, fromSource } = packagePlace();
  const directory = unitDirectory(env, homeOf(env));
  const program = join(root, "bin", fromSource ? "dev.js" : "run.js");
  const command = [process.execPath, ...DAEMON_NODE_OPTIONS, program, "daemon", "run"];
  return systemdUnits({ paths, env, command, drainTimeoutMs: daemon.drainTimeoutMs }).map((unit) => ({
    ...unit,
    path: join(directory, unit.name),
  }));
}

/**
 * Writes the files. All of them are looked at before one is written.
 *
 * @throws PictlError INVALID_INPUT for a file that something else wrote, STORAGE_UNAVAILABLE
 */
export function writeUnits(files: readonly UnitFile[]): void {
  for (const { path } of files) {
    if (ownership(path) === "foreign") throw foreignFile(path);
  }
  for (const { path, text } of files) {
    try {
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, text);
    } catch (error) {
      throw toStorageError(error, path);
    }
  }
}

/** What stands in the way of their removal: files of these names that something else wrote. */
export function foreignUnits(files: readonly UnitFile[]): string[] {
  return files.filter(({ path }) => ownership(path) === "foreign").map(({ path }) => path);
}

/** Whether `daemon install` was run here. */
export function hasOwnUnits(files: readonly UnitFile[]): boolean {
  return files.some(({ path }) => ownership(path) === "own");
}

/** Removes those that {@link writeUnits} wrote, and what enabled them. @returns their paths */
export function removeUnits(files: readonly UnitFile[]): string[] {
  return files.flatMap(({ path, name }) => {
    if (ownership(path) !== "own") return [];
    rmSync(path);
    // `systemctl enable` made it; where systemctl can't be asked, nobody else takes it away.
    const enabled = join(path, "..", "sockets.target.wants", name);
    if (lstatSync(enabled, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(enabled);
    return [path];
  });
}

function ownership(path: string): "none" | "own" | "foreign" {
  try {
    return readFileSync(path, "utf8").startsWith(UNIT_MARK) ? "own" : "foreign";
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "none";
    throw toStorageError(error, path);
  }
}

function foreignFile(path: string): PictlError {
  return new PictlError("INVALID_INPUT", `${path} was not written by pictl and is not replaced.`, {
    hint: "Move it away, or see what would be written with `pictl daemon install --print`.",
    details: { path },
  });
}
