import { PictlError } from "../../core/errors.ts";
import { SHELLS, type Shell } from "./value-kinds.ts";

/** The shell of this name. Throws USAGE for one that isn't supported. */
export function asShell(name: string): Shell {
  const shell = SHELLS.find((one) => one === name);
  if (shell !== undefined) return shell;
  throw new PictlError("USAGE", `There is no completion for "${name}".`, {
    hint: `There is one for ${SHELLS.join(", ")}.`,
    details: { shell: name },
  });
}
