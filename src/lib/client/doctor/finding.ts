/** What one check found. `check` is stable: scripts may look for it. */
export interface Finding {
  check: string;
  status: "ok" | "warning" | "error";
  /** One sentence with the values that matter. */
  message: string;
  /** What to do; on everything that isn't ok. */
  hint?: string;
}

/**
 * Whether all is well, which is when `pictl doctor` exits 0: no error and no warning either. A warning is given
 * only for what somebody must act on before pictl works as asked, so a job that begins with `pictl doctor`
 * should stop at it. A missing credential is one of them, except where none is needed: with a scripted model
 * in config.toml, or with endpoints of one's own in pi's models.json. `--json` tells warnings from errors for
 * whoever decides otherwise.
 */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every((finding) => finding.status === "ok");
}

export function ok(check: string, message: string): Finding {
  return { check, status: "ok", message };
}

export function warning(check: string, message: string, hint: string): Finding {
  return { check, status: "warning", message, hint };
}

export function failure(check: string, message: string, hint: string): Finding {
  return { check, status: "error", message, hint };
}
