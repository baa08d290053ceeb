import type { Finding } from "../../client/doctor/finding.ts";
import type { Colors } from "./color.ts";
import { sanitize } from "./text-width.ts";

/** What `doctor` found: a line each, with what to do below those that need something done. */
export function renderFindings(findings: readonly Finding[], colors: Colors): string {
  return findings
    .map(({ check, status, message, hint }) => {
      const line = `${markOf(status, colors)} ${colors.bold(check)}: ${indent(message)}\n`;
      return hint === undefined ? line : `${line}  → ${indent(hint)}\n`;
    })
    .join("");
}

function markOf(status: Finding["status"], colors: Colors): string {
  switch (status) {
    case "ok":
      return colors.green("✔");
    case "warning":
      return colors.yellow("⚠");
    case "error":
      return colors.red("✖");
  }
}

function indent(text: string): string {
  return sanitize(text).trimEnd().replaceAll("\n", "\n    ");
}
