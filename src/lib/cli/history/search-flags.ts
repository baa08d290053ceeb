import { Flags } from "@oclif/core";
import { historyRoles, historySorts } from "../../protocol/history-choices.ts";
import { filtersFrom, limitFlag, limitFrom, modelFlag, secretsFlag, timeFlags, whichFlags } from "./flags.ts";

/** What `history search` and `history export` look for. */
export const searchFlags = {
  ...whichFlags,
  role: Flags.option({
    options: historyRoles,
    description: "Only what these said; tool: calls and results, name: names and labels",
  })(),
  tool: Flags.string({ description: "Only calls and results of this tool", helpValue: "<name>" }),
  model: modelFlag,
  session: Flags.string({
    char: "s",
    description: "Only this session: id, unique prefix or name",
    helpValue: "<session>",
  }),
  ...timeFlags,
  "no-tools": Flags.boolean({ description: "Leave out calls, results and shell commands" }),
  "include-thinking": Flags.boolean({ description: "Look into the models' thinking, too" }),
  limit: limitFlag("20"),
  sort: Flags.option({ options: historySorts, description: "Best first, or newest (default: relevance)" })(),
  regex: Flags.boolean({
    description: "QUERY is a JavaScript regular expression; reads the files themselves",
  }),
  deep: Flags.boolean({ description: "Look into all of long tool outputs; reads the files themselves" }),
  "show-secrets": secretsFlag,
};

type Values = Parameters<typeof filtersFrom>[0] & {
  role?: (typeof historyRoles)[number] | undefined;
  "no-tools"?: boolean | undefined;
  "include-thinking"?: boolean | undefined;
  limit?: string | undefined;
  sort?: (typeof historySorts)[number] | undefined;
  regex?: boolean | undefined;
  deep?: boolean | undefined;
  "show-secrets"?: boolean | undefined;
};

/**
 * The parameters that these flags stand for.
 *
 * @param maxLimit absent: no request is made of so many
 * @throws PictlError USAGE
 */
export function searchParams(flags: Values, maxLimit?: number) {
  const { role, tool, sort, regex, deep } = flags;
  return {
    ...filtersFrom(flags),
    ...(role === undefined ? {} : { role }),
    ...(tool === undefined ? {} : { tool }),
    ...(flags["no-tools"] ? { noTools: true } : {}),
    ...(flags["include-thinking"] ? { includeThinking: true } : {}),
    ...limitFrom(flags.limit, maxLimit),
    ...(sort === undefined ? {} : { sort }),
    ...(regex ? { regex } : {}),
    ...(deep ? { deep } : {}),
    ...(flags["show-secrets"] ? { showSecrets: true } : {}),
  };
}
