import os from "node:os";

/**
 * Lets oclif load for a user id without an entry in the password file. oclif asks that file for the home and the shell
 * when `HOME` or `SHELL` is missing, and Node throws. Only CommonJS modules see the replacements, so pictl's own code
 * (core/user.ts) still gets the real answer. Setting the variables instead would pass them on to agents.
 */
export function tolerateUnknownUser(): void {
  try {
    os.userInfo();
  } catch {
    const home = process.env.HOME || "/";
    os.homedir = () => home;
    os.userInfo = (() => ({ homedir: home, shell: null })) as unknown as typeof os.userInfo;
  }
}
