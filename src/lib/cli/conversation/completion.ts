import { readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import {
  type AutocompleteItem,
  type AutocompleteProvider,
  CombinedAutocompleteProvider,
} from "@earendil-works/pi-tui";
import { attachmentPath } from "../prompt/attachment-path.ts";
import { sanitize } from "../render/text-width.ts";
import { slashCommands } from "./slash-commands.ts";
import type { Talk } from "./talk.ts";

/** A directory of more files than this is not chosen from by looking. */
const MAX_FILES = 50;

/**
 * Completes `/` with the conversation's commands and pi's own, their arguments, and `@` with files. pi's are
 * asked for when the first `/` is typed: asking starts the agent of a session that is parked.
 */
export async function createCompletion(talk: Talk, cwd: string): Promise<AutocompleteProvider> {
  const own = slashCommands.map(({ name, hint, summary, complete }) => ({
    name,
    description: summary,
    ...(hint === undefined ? {} : { argumentHint: hint }),
    ...(complete === undefined
      ? {}
      : {
          getArgumentCompletions: async (prefix: string): Promise<AutocompleteItem[] | null> =>
            await complete(talk, prefix).catch(() => null),
        }),
  }));
  const ofPi = async () => {
    // Without them there is still something to complete; sending one tells what is wrong.
    const commands = await talk.commands().catch(() => []);
    const taken = new Set(own.map(({ name }) => name));
    return commands
      .filter(({ name }) => !taken.has(name))
      .map(({ name, description }) => ({ name: sanitize(name), description: sanitize(description ?? "") }));
  };
  const providerFor = async (line: string) =>
    new CombinedAutocompleteProvider([...own, ...(line.startsWith("/") ? await ofPi() : [])], cwd);
  const files = new CombinedAutocompleteProvider([], cwd);
  return {
    async getSuggestions(lines, cursorLine, cursorCol, options) {
      const before = (lines[cursorLine] ?? "").slice(0, cursorCol);
      const mention = /(?:^|\s)(@[^\s"]*)$/.exec(before)?.[1];
      if (mention !== undefined) return fileSuggestions(mention);
      // Only the first line of a message can be a command.
      const provider = await providerFor(cursorLine === 0 ? before : "");
      return await provider.getSuggestions(lines, cursorLine, cursorCol, options);
    },
    applyCompletion: (...args) => files.applyCompletion(...args),
    shouldTriggerFileCompletion: (...args) => files.shouldTriggerFileCompletion(...args),
  };
}

/** pi-tui looks for files with `fd`, which most machines don't have: one directory at a time does without. */
function fileSuggestions(mention: string): { items: AutocompleteItem[]; prefix: string } | null {
  const typed = mention.slice(1);
  const inDirectory = typed.endsWith("/") || typed === "";
  const start = inDirectory ? "" : basename(typed);
  const directory = typed.slice(0, typed.length - start.length);
  const items = entriesOf(
    attachmentPath(directory === "" ? "." : directory.endsWith("/") ? directory : dirname(directory)),
  )
    .filter(
      ({ name }) =>
        name.toLowerCase().startsWith(start.toLowerCase()) && (start !== "" || !name.startsWith(".")),
    )
    .slice(0, MAX_FILES)
    .map(({ name, isDirectory }) => {
      const label = sanitize(isDirectory ? `${name}/` : name);
      const path = `${directory}${isDirectory ? `${name}/` : name}`;
      return { value: /\s/.test(path) ? `@"${path}"` : `@${path}`, label };
    });
  return items.length === 0 ? null : { items, prefix: mention };
}

function entriesOf(directory: string): { name: string; isDirectory: boolean }[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
      .sort((a, b) => Number(b.isDirectory) - Number(a.isDirectory) || a.name.localeCompare(b.name));
  } catch {
    // No such directory, or none that may be read: nothing to offer.
    return [];
  }
}
