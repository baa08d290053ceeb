import { modelName } from "../find-model.ts";
import type { PiModel } from "../pi-data.ts";
import type { Colors } from "./color.ts";
import { oneLine } from "./entry-line.ts";
import { compactNumber } from "./numbers.ts";
import { tableLines } from "./table.ts";

const HEADING = ["MODEL", "CONTEXT", "OUTPUT", "THINKING", "IMAGES", "PRICE"] as const;
const NUMBERS = new Set([1, 2, 5]);

/** Models as a table, one a line. */
export async function renderModels(
  models: readonly PiModel[],
  { colors, width }: { colors: Colors; width: number | undefined },
): Promise<string> {
  const rows = [
    HEADING.map((title) => colors.bold(title)),
    ...models.map((model) => [
      oneLine(modelName(model)),
      size(model.contextWindow),
      size(model.maxTokens),
      model.reasoning ? "yes" : "no",
      model.input?.includes("image") ? "yes" : "no",
      price(model.cost),
    ]),
  ];
  const lines = await tableLines(rows, NUMBERS, width !== undefined);
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function size(tokens: number | undefined): string {
  return tokens === undefined ? "-" : compactNumber(tokens);
}

/** `$3/$15`: what a million tokens cost, in and out. */
function price(cost: PiModel["cost"]): string {
  if (cost === undefined) return "-";
  if (cost.input === 0 && cost.output === 0) return "free";
  return `$${amount(cost.input)}/$${amount(cost.output)}`;
}

/** Some prices are fractions of a cent. */
function amount(dollars: number): string {
  return String(Number(dollars.toFixed(3)));
}
