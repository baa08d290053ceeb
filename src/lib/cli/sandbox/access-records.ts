import type { GateRecord } from "../../client/sandbox/access-records.ts";
import type { Colors } from "../render/color.ts";
import { alignColumns } from "../render/columns.ts";
import { timeOf } from "../render/numbers.ts";
import { sanitize } from "../render/text-width.ts";

/** The records of the gate, a line each. */
export function renderAccessRecords(records: readonly GateRecord[], colors: Colors): string {
  if (records.length === 0) return "No sandboxed agent has asked for a host.\n";
  const titles = ["TIME", "SESSION", "VERDICT", "METHOD", "HOST", "IN", "OUT", "WHY"];
  const rows = records.map(
    ({ time, session, verdict, method, host, port, provider, bytesIn, bytesOut, reason }) => [
      timeOf(Date.parse(time)),
      session?.slice(0, 8) ?? "-",
      verdict === "allowed" ? colors.green(verdict) : colors.red(verdict),
      sanitize(method),
      sanitize(`${host}:${port}`),
      String(bytesIn),
      String(bytesOut),
      colors.dim(sanitize(reason ?? (provider === undefined ? "" : `provider ${provider}`))),
    ],
  );
  return alignColumns([titles.map((title) => colors.bold(title)), ...rows])
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
