import type { PiStats } from "../pi-data.ts";
import type { Colors } from "./color.ts";
import { renderDetails } from "./details.ts";
import { compactNumber, dollars, shortPath } from "./numbers.ts";

/** pi's numbers of a session as aligned lines. */
export function renderStats(stats: PiStats, colors: Colors): string {
  const { tokens } = stats;
  return renderDetails(
    {
      Session: stats.sessionId,
      File: stats.sessionFile === undefined ? undefined : shortPath(stats.sessionFile),
      Messages: `${stats.totalMessages} (user ${stats.userMessages}, assistant ${stats.assistantMessages})`,
      "Tool calls": `${stats.toolCalls} (results ${stats.toolResults})`,
      Tokens: `${compactNumber(tokens.total)} (input ${compactNumber(tokens.input)}, output ${compactNumber(tokens.output)}, cache read ${compactNumber(tokens.cacheRead)}, cache write ${compactNumber(tokens.cacheWrite)})`,
      Cost: dollars(stats.cost),
      Context: contextText(stats.contextUsage),
    },
    colors,
  );
}

/** `60.0k of 200.0k (30 %)`; undefined where pi has no model to measure by. */
function contextText(usage: PiStats["contextUsage"]): string | undefined {
  if (usage === undefined) return undefined;
  const window = compactNumber(usage.contextWindow);
  if (usage.tokens === null) return `not known before the next answer (of ${window})`;
  const percent = usage.percent ?? (100 * usage.tokens) / usage.contextWindow;
  return `${compactNumber(usage.tokens)} of ${window} (${percent > 0 && percent < 1 ? "<1" : Math.round(percent)} %)`;
}
