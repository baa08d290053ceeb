import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { startProgram } from "../../core/outside/start-program.ts";
import { programOf } from "./steps.ts";
import { AF_UNIX, SOCK_DGRAM, unixAddress } from "./unix-address.ts";

/** A row's name is all that is ever sent. */
const MAX_MESSAGE_BYTES = 64;
/** Told when the socket is bound. */
const READY = Buffer.from("ready\n");

/**
 * Waits for one datagram on a Unix socket, outside of any sandbox. It is a program of system calls: Node has no such
 * sockets.
 *
 * @param path of the socket, which is made; its directory is where the program is put until it runs
 * @param received is called with what came
 * @returns ends it; undefined where the program can't be run
 */
export async function listenForDatagram(
  path: string,
  received: (message: string) => void,
): Promise<(() => Promise<void>) | undefined> {
  const message = Buffer.alloc(MAX_MESSAGE_BYTES);
  const address = unixAddress(basename(path));
  const program = programOf([
    { call: "socket", args: [AF_UNIX, SOCK_DGRAM, 0] },
    { call: "bind", args: [{ resultOf: 0 }, address, address.length] },
    { call: "write", args: [1, READY, READY.length] },
    { call: "recvfrom", args: [{ resultOf: 0 }, message, MAX_MESSAGE_BYTES, 0, 0, 0] },
    { call: "write", args: [1, message, { resultOf: 3 }] },
  ]);
  if (program === undefined) return undefined;
  const file = `${path}.listener`;
  writeFileSync(file, program, { mode: 0o700 });
  let child: ChildProcess | undefined;
  try {
    // In the directory: the name of a socket may have some hundred bytes, a path more.
    child = startProgram(file, [], { cwd: dirname(path), env: {}, stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise<void>((resolve) =>
      child?.once("error", () => resolve()).once("exit", () => resolve()),
    );
    let heard = "";
    const output = child.stdout;
    output?.setEncoding("latin1").on("data", (data: string) => {
      heard += data;
      if (heard.length > READY.length) received(heard.slice(READY.length).trim());
    });
    await Promise.race([output === null ? ended : once(output, "data"), ended]);
    return async () => {
      child?.kill("SIGKILL");
      await ended;
    };
  } finally {
    rmSync(file, { force: true });
  }
}
