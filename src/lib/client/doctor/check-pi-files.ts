import { brokenPiFiles } from "../../core/pi-files.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Whether pi can use the files that people write for it. It does without a broken one, and says little about it. */
export function checkPiFiles(agentDir: string): Finding {
  const broken = brokenPiFiles(agentDir);
  if (broken.length === 0) return ok("pi-files", `No file of ${agentDir} is broken.`);
  return warning("pi-files", broken.join(" "), "Correct the file: it is JSON.");
}
