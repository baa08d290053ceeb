import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { BIN, type Workspace } from "./workspace.ts";

/** Why a test that reads a terminal's raw bytes can't run here, for `node:test`'s `skip`; false when it can. */
export function withoutScript(): string | false {
  const { error } = spawnSync("script", ["--version"], { stdio: "ignore" });
  return error === undefined ? false : "script (util-linux) isn't installed";
}

/**
 * Runs a shell script with a pseudo-terminal as its stdin, stdout and stderr. `$pictl` runs pictl.
 *
 * @param onOutput called with all that the terminal got so far, each time something comes
 * @returns all bytes that the terminal got
 */
export async function rawTerminalOutput(
  place: Workspace,
  shellScript: string,
  onOutput: (text: string) => void = () => undefined,
): Promise<Buffer> {
  const env = { ...place.env, TERM: "xterm-256color", SHELL: "/bin/sh", pictl: `${process.execPath} ${BIN}` };
  const child = spawn("script", ["-q", "-e", "-c", shellScript, "/dev/null"], {
    cwd: place.cwd,
    env: Object.fromEntries(
      Object.entries(env).filter(([, value]) => value !== undefined),
    ) as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    onOutput(Buffer.concat(chunks).toString("utf8"));
  });
  await once(child, "close");
  return Buffer.concat(chunks);
}
