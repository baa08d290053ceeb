import type { Environment } from "../core/paths.ts";

/** systemd hands sockets over from this descriptor on (sd_listen_fds(3)). */
const FIRST_FD = 3;

/**
 * The listening socket that systemd has handed over (socket activation, sd_listen_fds(3)), or undefined. The
 * variables of it count only for the process that they name: they are inherited by whatever it starts.
 */
export function activatedSocket(env: Environment, pid: number = process.pid): number | undefined {
  const { LISTEN_PID, LISTEN_FDS } = env;
  return LISTEN_PID === String(pid) && LISTEN_FDS === "1" ? FIRST_FD : undefined;
}
