import { resolve } from "node:path";
import { homeOf } from "../../core/user.ts";
import { currentDirectory } from "../session-flags.ts";

/**
 * The absolute path that `@name` means: it counts from the shell's directory. A shell leaves the `~` behind an
 * `@` alone, so it is expanded here.
 */
export function attachmentPath(name: string): string {
  return resolve(
    currentDirectory(),
    name.replace(/^~(?=\/|$)/, () => homeOf(process.env)),
  );
}
