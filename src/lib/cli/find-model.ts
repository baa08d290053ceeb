import { PictlError } from "../core/errors.ts";
import { didYouMean, nearest } from "../core/nearest.ts";
import type { PiModel } from "./pi-data.ts";

/** More than these say no more about what else to type. */
const MAX_CANDIDATES = 10;

/** `provider/id`, as a model is named everywhere. */
export function modelName({ provider, id }: { provider: string; id: string }): string {
  return `${provider}/${id}`;
}

/** The models whose `provider/id` or display name contains the pattern, without regard to case. */
export function matchModels(models: readonly PiModel[], pattern: string): PiModel[] {
  const wanted = pattern.toLowerCase();
  return models.filter((model) =>
    [modelName(model), model.name ?? ""].some((text) => text.toLowerCase().includes(wanted)),
  );
}

/**
 * The one model that a person means: by `provider/id`, else by its id, else by a part of either or of its name.
 *
 * @throws PictlError INVALID_INPUT when none fits, or several do (`details.candidates`)
 */
export function findModel(models: readonly PiModel[], name: string): PiModel {
  const wanted = name.toLowerCase();
  const ways = [
    models.filter((model) => modelName(model).toLowerCase() === wanted),
    models.filter(({ id }) => id.toLowerCase() === wanted),
    matchModels(models, name),
  ];
  const found = ways.find((matches) => matches.length > 0) ?? [];
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const candidates = found.map(modelName);
  if (candidates.length === 0) {
    const suggestions = nearest(name, [...models.map(modelName), ...models.map(({ id }) => id)]);
    const list = "`pictl model list` shows those that pi has a credential for.";
    throw new PictlError("INVALID_INPUT", `There is no model "${name}" that can be used here.`, {
      hint: [didYouMean(suggestions), list].filter(Boolean).join(" "),
      details: { model: name, available: models.length, suggestions },
    });
  }
  const shown = candidates.slice(0, MAX_CANDIDATES).join(", ");
  const rest = candidates.length - MAX_CANDIDATES;
  throw new PictlError(
    "INVALID_INPUT",
    `"${name}" fits ${candidates.length} models: ${shown}${rest > 0 ? ` and ${rest} more` : ""}.`,
    { hint: "Give provider/id, or more of it.", details: { model: name, candidates } },
  );
}
