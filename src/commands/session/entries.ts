import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import type { PiEntry } from "../../lib/cli/pi-data.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";
import { PictlError } from "../../lib/core/errors.ts";

interface Entries {
  entries: PiEntry[];
  leafId: string | null;
}

export default class SessionEntries extends BaseCommand<typeof SessionEntries> {
  static override summary = "Print the entries of a session, one a line";
  static override description =
    "All that pi has recorded, in the order it was written, abandoned branches included; * marks the entry that the session is at. With --since only what came after an entry: its id is a place to go on from.";
  static override examples = [
    "<%= config.bin %> session entries",
    "<%= config.bin %> session entries review --since 7f3a91c2 --json | jq -c '.entries[]'",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    since: Flags.string({ description: "Only those after the entry with this id", helpValue: "<entry>" }),
  };

  async run(): Promise<void> {
    const { session, since } = this.flags;
    const target = pickSession(this.args.session, session);
    const client = await this.connect();
    const params = { ...target, ...(since === undefined ? {} : { since }) };
    const data = (await client
      .command("get_entries", params)
      .catch((error: unknown) => refuseUnknown(error, since))) as Entries;
    await this.show(data, async () => {
      const [{ renderEntries }, { colorsFor, widthOf }] = await Promise.all([
        import("../../lib/cli/render/entries.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderEntries(data.entries, {
        leafId: data.leafId,
        colors: await colorsFor(process.stdout),
        width: widthOf(process.stdout),
      });
    });
  }
}

/** The only thing about this command that pi refuses is an entry that it doesn't have. */
function refuseUnknown(error: unknown, since: string | undefined): never {
  if (since === undefined || !(error instanceof PictlError) || error.code !== "AGENT_COMMAND_FAILED") {
    throw error;
  }
  throw new PictlError("ENTRY_NOT_FOUND", `The session has no entry "${since}".`, {
    hint: "Give a whole id, as `pictl session entries` shows it.",
    details: { since },
    cause: error,
  });
}
