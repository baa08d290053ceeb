import { fileURLToPath } from "node:url";
import { Outside } from "./outside.ts";
import { Place, removePlace } from "./place.ts";
import { type Figures, type Life, runLife } from "./sequence.ts";
import { Starter } from "./start.ts";

/** What a worker says of a life: what it begins; then what is wrong, and what has been run so far. */
export type Said = { step: string } | Verdict;
export interface Verdict {
  wrong: string[];
  figures: Figures;
}

/** Runs one life after the other, in a process of its own: what hangs in one can be ended. Takes its place away at its end. */
const [root = "", temporary = ""] = process.argv.slice(2);
const directories = { root, temporary };
const place = new Place(directories);
const starter = new Starter(place, fileURLToPath(import.meta.url));
const outside = new Outside(place);
const figures: Figures = { sequences: 0, starts: 0, commands: 0, refused: {} };

async function run(life: Life): Promise<Verdict> {
  try {
    return {
      wrong: await runLife(life, { place, starter, outside }, figures, (step) => say({ step })),
      figures,
    };
  } catch (error) {
    return { wrong: [error instanceof Error ? String(error.stack) : String(error)], figures };
  }
}

function say(said: Said): void {
  process.send?.(said);
}

process.on("message", (life: Life) => void run(life).then(say));
process.once("disconnect", () => void removePlace(directories));
